"""The page at /docs/ works in a browser."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_swagger_ui_lists_the_operations_and_reports_no_error(context, serve):
    with serve() as base:
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{base}/docs/")
        page.get_by_text("/api/token/refresh/", exact=True).wait_for()
        page.get_by_text("/api-token-auth/", exact=True).wait_for()
        assert errors == []

"""The page at /docs/ works in a browser."""

import json
import re

import httpx
import pytest

from config.schemes import SCHEMES
from tests.support import servers
from tests.support.accounts import PASSWORD

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


ENDS = {"token": "token-token_revoke", "jwt": "jwt-jwt_logout"}


@pytest.mark.parametrize("typed", ["{credential}", "{keyword} {credential}"], ids=["bare", "with its keyword"])
@pytest.mark.parametrize("scheme", ENDS)
def test_authorize_takes_a_credential_and_the_logout_of_the_page_ends_it(context, serve, scheme, typed):
    login = {"username": "ada", "password": PASSWORD}
    with serve() as base:
        path, name = {"token": ("/api-token-auth/", "token"), "jwt": ("/api/token/", "access")}[scheme]
        credential = httpx.post(base + path, json=login).json()[name]
        keyword = SCHEMES[scheme].keyword
        page = context.new_page()
        page.goto(f"{base}/docs/")
        authorize(page, scheme, typed.format(keyword=keyword, credential=credential))
        assert execute(page, "service-whoami_retrieve") == 200
        assert execute(page, ENDS[scheme]) == 204
        assert execute(page, "service-whoami_retrieve") == 401
        headers = {"Authorization": f"{keyword} {credential}"}
        assert httpx.get(f"{base}/whoami/", headers=headers).status_code == 401


def test_the_examples_of_the_page_are_sent_as_they_stand(context):
    with servers.demo() as (base, _):
        page = context.new_page()
        page.goto(f"{base}/docs/")
        assert execute(page, "token-token_obtain") == 200
        assert execute(page, "jwt-jwt_obtain") == 200
        answer = page.locator(
            "#operations-jwt-jwt_obtain .live-responses-table tbody .response-col_description code"
        ).first
        authorize(page, "jwt", json.loads(answer.inner_text())["access"])
        assert execute(page, "tracks-tracks_create") == 201


def authorize(page, scheme: str, text: str):
    """Type the text into the field of a security scheme, in the dialog *Authorize*."""
    page.locator("button.btn.authorize.unlocked").first.click()
    dialog = page.locator(".dialog-ux")
    field = dialog.locator(".auth-container", has=page.locator("h4 code", has_text=re.compile(f"^{scheme}$")))
    field.locator("input").fill(text)
    field.locator("button[type=submit]").click()
    dialog.locator("button.btn-done").first.click()


def execute(page, operation: str) -> int:
    """Try an operation out as the page proposes it, and return the status of the answer."""
    block = page.locator(f"#operations-{operation}")
    if not block.locator(".opblock-body").count():
        block.locator("button.opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
    with page.expect_response(lambda response: response.request.resource_type == "fetch") as info:
        block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table tbody .response-col_status").first
    status.get_by_text(str(info.value.status)).wait_for()
    return info.value.status

"""Chromium, as the tests drive it: where it is found, and how it is started.

Playwright's own event loop runs in the thread that uses a browser, so such a test cannot use
Django's database there. It looks at the service over HTTP, as the browser does.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_program() -> str | None:
    """Return the path of Chromium, or None. The variable CHROMIUM names another one."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


@contextmanager
def chromium() -> Iterator:
    """Start a headless Chromium and yield playwright's Browser. Skip the test without Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; `make browser` installs it")
    program = chromium_program()
    if program is None:
        pytest.skip(f"no Chromium found: none of {', '.join(NAMES)} is a program here, and CHROMIUM names none")
    # Chromium refuses its sandbox to root, which tests in a container are.
    options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()

"""Contenders as somebody else writes them: one that needs everything, and ones with a fault."""

from dataclasses import replace

from benchmarks.contenders.candidate import Candidate
from config.schemes import Scheme

_HERE = "tests.support.outside"

TICKET = Candidate(
    name="ticket",
    keyword="",
    authentication=f"{_HERE}.authentication.TicketAuthentication",
    issue=f"{_HERE}.authentication.issue",
    summary="a row for each ticket",
    header="HTTP_X_TICKET",
    apps=(_HERE,),
    middleware=(f"{_HERE}.authentication.TicketMiddleware",),
    settings=lambda: {"TICKET_BYTES": 16},
)
UNMIGRATED = replace(TICKET, settings=lambda: {"TICKET_BYTES": 16, "MIGRATION_MODULES": {"outside": None}})
PLAIN = Scheme("plain", "Token", "rest_framework.authentication.TokenAuthentication", "tokens.issue.token", None, "")


def _fail():
    raise ValueError("on purpose\nand more")


NOT_A_SCHEME = "text"
TAKEN = replace(PLAIN, name="token")
THE_LABS = replace(PLAIN, name="anonymous")
NAMELESS = replace(PLAIN, name=" ")
NO_CLASS = replace(PLAIN, authentication="nothing.At")
NO_PATH = replace(PLAIN, authentication=int)
A_FUNCTION = replace(PLAIN, authentication="tokens.issue.token")
NO_ISSUE = replace(PLAIN, issue="tokens.issue.nothing")
APPS = replace(TICKET, apps="tests.support.outside")
NO_APP = replace(TICKET, apps=("no_such_app",))
NO_MIDDLEWARE = replace(TICKET, middleware=("no.Such",))
NO_PACKAGE = replace(TICKET, package="no-such-package")
FAILING_SETTINGS = replace(TICKET, settings=_fail)
SETTINGS = replace(TICKET, settings=lambda: ["TICKET_BYTES"])
SMALL = replace(TICKET, settings=lambda: {"ticket_bytes": 16})
RESERVED = replace(TICKET, settings=lambda: {"INSTALLED_APPS": []})
DEBUGGING = replace(TICKET, settings=lambda: {"DEBUG": True})
LOGGING = replace(TICKET, settings=lambda: {"LOGGING": {"version": 1}})
HOSTS = replace(TICKET, settings=lambda: {"ALLOWED_HOSTS": ["*"]})
CLASHING = replace(TICKET, apps=("tests.support.outside.tokens",))
BRACKETS = replace(PLAIN, name="a [/b] [red]c")
REFUSAL = replace(TICKET, refusal=404)
HEADER = replace(TICKET, header="X-Ticket")

FAILING_ISSUE = replace(PLAIN, name="failing", issue=f"{_HERE}.faults.fail")
ISSUING_NUMBERS = replace(PLAIN, name="numbers", issue=f"{_HERE}.faults.number")

"""The proof of contenders: what is wrong with them, and what they have in common."""

from dataclasses import replace

import pytest

from benchmarks.contenders import misbehaving, proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import ANONYMOUS, CONTROL, RefusedError
from benchmarks.processes import audit, timing
from config.schemes import SCHEMES
from tests.support.dishonest import (
    REFUSING,
    Credulous,
    Failing,
    Honest,
    Meddling,
    Mistaken,
    Mistyped,
    Open,
    Refusing,
    Shortsighted,
    Unchallenging,
    scheme_with,
)
from tracks import catalogue

pytestmark = pytest.mark.once  # the lab brings its own database

URLS = ("/whoami/", "/tracks/")

WRONG = {
    Honest: [],
    Failing: [
        "failing at {}: answers 500 with its credential, not 200: RuntimeError: on purpose",
    ],
    Mistyped: [
        "mistyped at {}: answers 500 with its credential, not 200: AttributeError: 'str' object has no attribute 'user'"
    ],
    Unchallenging: ["unchallenging at {}: refuses with 403, not 401; if that is right, set refusal=403"],
    Refusing: ["refusing at {}: answers 401 with its credential, not 200"],
    Open: ["open at {}: answers 200 without a credential, not 401"],
    Credulous: [
        "credulous at {}: answers 200 with garbage for a credential, not 401",
        "credulous at {}: answers 200 with a forged credential, not 401",
    ],
    Shortsighted: ["shortsighted at {}: answers 200 with a forged credential, not 401"],
}


def faults(authentication: type, url: str, user) -> list[str]:
    handler = Handler()
    expected = wsgi.ask(handler, Contender.anonymous(ANONYMOUS, URLS).environ(url)).body
    contender = Contender.of_scheme(scheme_with(authentication), user, URLS)
    return proof.prove(handler, contender, url, expected)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("authentication", WRONG)
def test_the_proof_says_what_is_wrong_with_a_contender(authentication, url, user):
    assert faults(authentication, url, user) == [fault.format(url) for fault in WRONG[authentication]]


def test_the_proof_looks_at_who_entered(user):
    wrong = f"mistaken at /whoami/: says id {user.pk + 1}, not {user.pk}"
    assert faults(Mistaken, "/whoami/", user) == [wrong]


def test_the_proof_looks_at_the_body(user):
    catalogue.load(catalogue.read(catalogue.CHINOOK)[:2])
    wrong = "meddling at /tracks/: answers another body than an anonymous request gets"
    assert faults(Meddling, "/tracks/", user) == [wrong]


def test_a_row_answered_by_another_rows_class_is_refused(user):
    mixed_up = Contender.of_scheme(SCHEMES["token"], user, URLS)
    own = Contender.of_scheme(SCHEMES["drf-token"], user, URLS)
    swapped = replace(own, urlconf=mixed_up.urlconf)
    assert proof.prove(Handler(), swapped, "/whoami/", b"") == [
        "drf-token at /whoami/: says scheme 'token', not 'drf-token'"
    ]


def test_what_is_timed_is_the_services_own_request(user):
    """The lab refuses a URL where the service does: before a codec decodes its query string."""
    odd = Contender.anonymous(ANONYMOUS, URLS).environ("/whoami/?a=%2B2AA-")
    odd["CONTENT_TYPE"] = "text/plain; charset=rot13"
    assert wsgi.ask(Handler(), odd).status == 415


def test_a_class_that_fails_in_the_audit_says_why(user):
    contender = Contender.of_scheme(misbehaving.FAILING, user, URLS)
    with pytest.raises(RefusedError, match=r"answers 500 to one of many equal requests: RuntimeError: "):
        audit.audit(Handler(), {"failing": contender})


def test_an_error_under_the_clock_is_no_time(user):
    refusing = Contender.of_scheme(REFUSING, user, URLS)
    with pytest.raises(RefusedError, match="answered 401 Unauthorized under the clock"):
        timing.time_block(Handler(), refusing.environ("/whoami/"), 3)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("/nothing/", "no such URL"),
        ("/admin/login/", "no view of the API"),
    ],
)
def test_a_url_that_cannot_be_guarded_is_refused(url, why):
    with pytest.raises(RefusedError, match=why):
        Contender.anonymous(ANONYMOUS, [url])


def test_contenders_differ_in_nothing_but_authentication_and_gate(user):
    """Routes, their order, the view class and all other arguments of as_view() are the same."""
    made = [Contender.anonymous(name, URLS) for name in (ANONYMOUS, CONTROL)]
    made += [Contender.of_scheme(scheme, user, URLS) for scheme in SCHEMES.values()]

    def shape(route):
        return str(route.pattern), route.callback.cls, str(getattr(route.callback, "actions", None))

    assert len({tuple(map(shape, contender.urlconf.urlpatterns)) for contender in made}) == 1
    own = made[0].environ("/tracks/")
    for contender in made:
        other = contender.environ("/tracks/")
        different = {key for key in own.keys() | other.keys() if own.get(key) != other.get(key)}
        assert different <= {"benchmarks.urlconf", "HTTP_AUTHORIZATION"}
    anonymous, control = made[:2]
    assert (anonymous.headers, anonymous.identity) == (control.headers, control.identity)
    assert anonymous.urlconf is not control.urlconf

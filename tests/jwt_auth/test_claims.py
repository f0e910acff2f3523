"""Claims that a project adds to its access tokens (JWT_CLAIMS), and those it may not add."""

import math
from datetime import date
from uuid import UUID

import pytest
from django.core.checks import run_checks
from django.urls import path
from django.utils.translation import gettext_lazy
from rest_framework.response import Response
from rest_framework.views import APIView

from jwt_auth import models
from jwt_auth.authentication import JWTAuthentication
from jwt_auth.claims import RESERVED, ClaimsError
from jwt_auth.keys import MAX_TOKEN_LENGTH, token_backend
from jwt_auth.models import RefreshFamily
from tests.support import claim_hooks
from tests.support.accounts import PASSWORD
from tests.support.logins import User, at, claims, reason, refresh, whoami
from tests.support.stock_tokens import stock_pair

LOGIN = {"username": "ada", "password": PASSWORD}


@pytest.mark.parametrize("hook", ["tests.support.claim_hooks.role", claim_hooks.role], ids=["path", "function"])
def test_the_access_token_of_each_login_and_refresh_has_them_and_no_refresh_token(
    api, noon, obtain_pair, settings, hook
):
    settings.JWT_CLAIMS = hook
    pair = obtain_pair()
    assert {**claims(pair["access"]), "role": "reader", "tenant": 7} == claims(pair["access"])
    User.objects.update(is_staff=True)
    with at(minutes=1):
        child = refresh(api, pair).json()
        repeated = refresh(api, pair).json()  # the parent, within its grace
        assert [claims(each["access"])["role"] for each in (child, repeated)] == ["staff", "staff"]
        assert child["refresh"] == repeated["refresh"]
        assert whoami(api, child["access"]).status_code == 200
    for each in (pair, child):
        assert not {"role", "tenant"} & claims(each["refresh"]).keys()


@pytest.mark.parametrize("hook", [None, "tests.support.claim_hooks.nothing"])
def test_without_a_claim_a_token_is_as_it_was(obtain_pair, settings, hook):
    settings.JWT_CLAIMS = hook
    assert set(claims(obtain_pair()["access"])) == {"token_type", "exp", "iat", "jti", "sid", "user_id"}


class RoleView(APIView):
    authentication_classes = (JWTAuthentication,)

    def get(self, request):
        return Response({"role": request.auth["role"], "groups": request.auth.get("groups")})


urlpatterns = [path("role/", RoleView.as_view())]


def test_a_view_reads_them_in_request_auth(api, obtain_pair, settings):
    settings.JWT_CLAIMS = lambda user: {**claim_hooks.role(user), "groups": ["a", {"b": None}]}
    access = obtain_pair()["access"]
    settings.ROOT_URLCONF = __name__
    for _ in range(2):
        answer = api.get("/role/", headers={"Authorization": f"Bearer {access}"})
        assert answer.json() == {"role": "reader", "groups": ["a", {"b": None}]}


def test_a_token_with_a_list_is_verified_each_time_and_one_with_plain_values_once(api, obtain_pair, settings):
    for added, kept in (({"groups": ["a"]}, 0), ({"group": "a"}, 1)):
        settings.JWT_CLAIMS = lambda user, added=added: added
        token_backend.cache_clear()
        assert whoami(api, obtain_pair()["access"]).status_code == 200
        assert len(token_backend().verified) == kept


def test_they_cost_no_statement(api, user, settings, django_assert_max_num_queries):
    settings.JWT_CLAIMS = claim_hooks.role
    with django_assert_max_num_queries(4 + 2):  # as without them, in the test's own transaction
        pair = api.post("/api/token/", LOGIN).json()
    with django_assert_max_num_queries(3):
        assert refresh(api, pair).status_code == 200


# --- what is refused ------------------------------------------------------------------------------

UNUSABLE = [
    *[(lambda user, name=name: {name: "1"}, f"claim '{name}'") for name in RESERVED],
    *[
        (lambda user, value=value: {"x": value}, f"returned a {type(value).__name__} in the claim 'x' that is no JSON")
        for value in (
            *(b"x", {1}, ("a",), UUID(int=1), date(2030, 1, 1), math.nan, math.inf, object(), gettext_lazy("x")),
            *({1: "a"}, [b"x"], {"a": {"b": math.nan}}, 10**5000),
        )
    ],
    *[(lambda user, name=name: {name: "x"}, "claim named") for name in ("", 1, None, ("a",))],
    *[(lambda user, value=value: value, f"returned a {type(value).__name__}") for value in (None, [], "x", [("a", 1)])],
    (lambda user: {"x": "y" * MAX_TOKEN_LENGTH}, rf"access token of \d+ characters \(x\); allowed: {MAX_TOKEN_LENGTH}"),
]


@pytest.mark.parametrize(("hook", "message"), UNUSABLE, ids=[message for _, message in UNUSABLE])
def test_what_no_token_can_hold_is_an_error_that_names_it(user, settings, hook, message):
    settings.JWT_CLAIMS = hook
    with pytest.raises(ClaimsError, match=message):
        models.log_in(user)
    assert not RefreshFamily.objects.exists()


def test_a_claim_that_holds_itself_is_an_error(user, settings):
    loop = []
    loop.append(loop)
    settings.JWT_CLAIMS = lambda user: {"x": loop}
    with pytest.raises(ClaimsError, match="returned a list"):
        models.log_in(user)


def test_the_longest_token_that_is_issued_is_accepted(api, user, settings):
    def fits(length: int) -> bool:
        settings.JWT_CLAIMS = lambda user: {"x": "y" * length}
        try:
            access = str(models.log_in(user).access)
        except ClaimsError:
            return False
        assert whoami(api, access).status_code == 200
        return True

    low, high = 1, MAX_TOKEN_LENGTH
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    assert 2000 < low < MAX_TOKEN_LENGTH


def test_no_value_is_in_the_error(user, settings):
    settings.JWT_CLAIMS = lambda user: {"x": (user.username,)}
    with pytest.raises(ClaimsError) as refused:
        models.log_in(user)
    assert user.username not in str(refused.value)


@pytest.mark.parametrize("error", [ZeroDivisionError, ClaimsError])
def test_a_hook_that_fails_spends_no_refresh_token_and_ends_no_login(api, noon, obtain_pair, settings, caplog, error):
    pair = obtain_pair()
    settings.JWT_CLAIMS = lambda user: 1 / 0 if error is ZeroDivisionError else {"exp": 1}
    with at(minutes=1):
        assert refresh(api, pair).status_code == 500
        assert api.post("/api/token/", LOGIN).status_code == 500
    assert error.__name__ in caplog.text
    settings.JWT_CLAIMS = claim_hooks.role
    with at(hours=1):  # long after any grace
        assert refresh(api, pair).status_code == 200
    assert reason() == ""


def test_a_hook_that_fails_spends_no_token_of_simplejwt_either(api, user, settings):
    settings.JWT_ACCEPT_STOCK_UNTIL = date.max
    stock = stock_pair(user)
    settings.JWT_CLAIMS = lambda user: {"exp": 1}
    assert refresh(api, stock).status_code == 500
    settings.JWT_CLAIMS = claim_hooks.role
    assert claims(refresh(api, stock).json()["access"])["role"] == "reader"


# --- the check ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("tests.support.no_such_module.role", "cannot be imported: No module named"),
        ("tests.support.claim_hooks.no_such_function", "cannot be imported: "),
        ("role", "cannot be imported: role doesn't look like a module path"),
        ("", "cannot be imported"),
        ("...", "cannot be imported"),
        (".claims.role", "cannot be imported"),
        ("tests.support.claim_hooks.not_callable", "allowed: a function"),
        (7, "JWT_CLAIMS is 7; allowed: a function, the dotted path of one, or None"),
    ],
)
def test_what_is_no_hook_is_told_at_start_up(settings, value, message):
    settings.JWT_CLAIMS = value
    (found,) = [each for each in run_checks() if each.id == "jwt_auth.E010"]
    assert message in found.msg


@pytest.mark.parametrize("value", [None, "tests.support.claim_hooks.role", claim_hooks.role])
def test_a_hook_passes_the_check(settings, value):
    settings.JWT_CLAIMS = value
    assert "jwt_auth.E010" not in {each.id for each in run_checks()}

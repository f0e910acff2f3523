"""One token of SimpleJWT's own in the hands of several clients at the same moment."""

from collections import Counter
from datetime import date, timedelta

import pytest
from django.db import connection

from jwt_auth import models
from jwt_auth.models import RefreshFamily, StockToken
from tests.support.accounts import ENDINGS
from tests.support.clients import new_client
from tests.support.logins import refresh, whoami
from tests.support.stock_tokens import log_out, stock_forge, stock_pair
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS, ROUNDS = 8, 5


@pytest.fixture(params=[False, True], ids=["autocommit", "ATOMIC_REQUESTS"])
def atomic_requests(request, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)


@pytest.fixture(autouse=True)
def accepted(settings, atomic_requests):
    settings.JWT_ACCEPT_STOCK_UNTIL = date(2099, 12, 31)


def refreshes(pair) -> list:
    return at_once(*[lambda: refresh(new_client(), pair)] * CLIENTS)


@pytest.mark.parametrize(("grace", "winners"), [(10, CLIENTS), (0, 1)])
def test_many_exchanges_of_one_token_make_one_login(user, settings, grace, winners):
    settings.JWT_REUSE_GRACE = timedelta(seconds=grace)
    for _ in range(ROUNDS):
        RefreshFamily.objects.all().delete()
        answers = refreshes(stock_pair(user))
        assert Counter(answer.status_code for answer in answers) == Counter({200: winners, 401: CLIENTS - winners})
        children = {answer.json()["refresh"] for answer in answers if answer.status_code == 200}
        assert len(children) == RefreshFamily.objects.count() == 1
        # Within the grace all are one client's; without one, somebody else holds the token, too.
        assert refresh(new_client(), {"refresh": children.pop()}).status_code == (200 if grace else 401)


def test_a_logout_and_an_exchange_of_one_token_leave_no_login(user):
    for _ in range(ROUNDS):
        pair = stock_pair(user)
        spend = [lambda pair=pair: refresh(new_client(), pair)] * 3
        *exchanged, out = at_once(*spend, lambda pair=pair: log_out(new_client(), {"refresh": pair["refresh"]}))
        assert out.status_code == 204
        assert {answer.status_code for answer in exchanged} <= {200, 401}
        assert not RefreshFamily.objects.filter(revoked_at=None).exists()
        assert refresh(new_client(), pair).status_code == 401


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_exchange_beside_the_end_of_all_credentials_leaves_no_login(user, ending):
    pair = stock_pair(user)

    def end():
        ending(type(user).objects.get(pk=user.pk))

    *exchanged, _ = at_once(*[lambda: refresh(new_client(), pair)] * 3, end)
    assert {answer.status_code for answer in exchanged} <= {200, 401}
    assert not RefreshFamily.objects.filter(revoked_at=None).exists()
    assert refresh(new_client(), pair).status_code == whoami(new_client(), pair["access"]).status_code == 401


def test_two_users_do_not_share_one_token(user, staff):
    """Only the owner of the key can sign two tokens with one id, and the second is refused."""
    pair = stock_pair(user)
    other = {"refresh": stock_forge(pair["refresh"], user_id=str(staff.pk))}
    assert refresh(new_client(), pair).status_code == 200
    assert refresh(new_client(), other).status_code == 401
    assert log_out(new_client(), other).status_code == 204
    assert RefreshFamily.objects.get().reason == ""
    assert StockToken.objects.count() == 1
    assert models.living().count() == 1

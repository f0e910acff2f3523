"""What does the refresh cookie cost against the body? No times are asserted."""

from dataclasses import replace

import pytest
from django.urls import path

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Handler
from benchmarks.questions.flows import tables as flows_table
from benchmarks.questions.flows import timing
from benchmarks.questions.flows.endpoints import Endpoints
from benchmarks.questions.flows.section import section
from benchmarks.stats.intervals import Interval
from config.schemes import SCHEMES, Scheme
from jwt_auth.views import ObtainPairView, RefreshView
from tests.support.question_results import flows_record

pytestmark = pytest.mark.once

BY_COOKIE = ("obtain by cookie", "refresh by cookie", "logout by cookie")


@pytest.fixture(autouse=True)
def _on(settings):
    settings.JWT_REFRESH_COOKIE = True


def endpoints_of(scheme: Scheme, user) -> Endpoints:
    return Endpoints(scheme, Contender.of_scheme(scheme, user, [WHOAMI]), Handler())


class RefreshesIntoTheBody(RefreshView):
    def post(self, request):
        response = super().post(request)
        if self.cookie:
            response.data["refresh"] = response.cookies["refresh_token"].value
        return response


@pytest.mark.parametrize("name", SCHEMES)
def test_with_the_switch_our_pairs_have_the_same_flows_by_cookie(name, user):
    endpoints = endpoints_of(SCHEMES[name], user)
    assert endpoints.prove(*endpoints.clients(1)) == []
    is_ours = SCHEMES[name].keyword == "Bearer" and not SCHEMES[name].is_stock
    assert [flow for flow in endpoints.flows if "cookie" in flow] == (list(BY_COOKIE) if is_ours else [])


@pytest.mark.django_db(transaction=True)
def test_the_cookie_costs_the_database_nothing_more(user):
    endpoints = endpoints_of(SCHEMES["jwt"], user)
    counted = timing._count(endpoints, endpoints.clients(1))
    for name in BY_COOKIE:
        by_cookie, by_body = counted[name], counted[name.removesuffix(" by cookie")]
        assert (by_cookie.statements, by_cookie.rows_written) == (by_body.statements, by_body.rows_written)


def test_what_the_cookie_costs_is_told_in_a_sentence():
    record = flows_record()
    assert flows_table.by_cookie(record) == ""
    assert "By cookie" not in " ".join(section(record).notes)
    (flow, *others) = record.flows
    told = replace(flow, flow="obtain by cookie", to_body=Interval(1.04, 1.01, 1.07))
    record = replace(record, flows=(told, *others))
    sentence = flows_table.by_cookie(record)
    assert f"{flow.scheme}'s obtain by cookie 1.04" in sentence
    assert section(record).notes[-1] == sentence


def test_a_refresh_token_that_comes_back_in_the_body_is_no_flow_by_cookie(user):
    views = [("api/token/", ObtainPairView), ("api/token/refresh/", RefreshesIntoTheBody)]
    urlpatterns = [path(route, view.as_view(), name="jwt-obtain") for route, view in reversed(views)]
    endpoints = endpoints_of(replace(SCHEMES["jwt"], name="wrong", urlconf=urlpatterns), user)
    faults = endpoints.prove(*endpoints.clients(1))
    assert any("gives no new refresh token in the cookie alone" in fault for fault in faults), faults

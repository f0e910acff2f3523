"""Another project with JWT_REFRESH_COOKIE: its own paths, its own origins, its own https."""

import pytest

from tests.support.host_projects import JWT, Host

pytestmark = pytest.mark.once

SETTINGS = f"""{JWT}
JWT_REFRESH_COOKIE = True
CORS_ORIGINS = ["https://app.example"]
"""
BELOW_AUTH = 'urlpatterns.append(path("auth/", include("jwt_auth.urls")))\n'
WALK = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_user("ada", password="correct horse")
login = {"username": "ada", "password": "correct horse", "cookie": True}
def post(path, body=None, origin="http://localhost"):
    headers = {"Origin": origin, "Host": "localhost"}
    return client.post(f"/auth/api/token/{path}", body or {}, headers=headers, content_type="application/json")
answers = [post("", login, "https://evil.example"), post("", login, "https://app.example")]
answers += [post("refresh/", origin="https://evil.example"), post("refresh/"), post("refresh/"), post("logout/")]
answers.append(post("refresh/"))
cookies = [
    [name, each["path"], each["samesite"], bool(each["secure"]), bool(each["httponly"])]
    for name, each in answers[1].cookies.items()
]
print(json.dumps([[each.status_code for each in answers], cookies]))
"""


@pytest.mark.parametrize(
    ("secure", "name"), [(False, "refresh_token"), (True, "__Secure-refresh_token")], ids=["http", "https"]
)
def test_a_project_with_paths_of_its_own_takes_the_cookie_below_its_login(tmp_path, secure, name):
    host = Host(tmp_path, f"{SETTINGS}SESSION_COOKIE_SECURE = {secure}\n", BELOW_AUTH)
    assert host.messages() == {}
    # Django's test client keeps a Secure cookie, and sends it over http too.
    statuses, cookies = host.value(WALK)
    assert statuses == [403, 200, 403, 200, 200, 204, 401]
    assert cookies == [[name, "/auth/api/token/", "Strict", secure, True]]


def test_what_a_project_gets_wrong_is_named(tmp_path):
    wrong = SETTINGS.replace("https://app.example", "*") + "JWT_REUSE_GRACE = 0\n"
    assert set(Host(tmp_path / "values", wrong, BELOW_AUTH).messages()) == {"auth_core.E001"}
    grace = f"{SETTINGS}from datetime import timedelta\nJWT_REUSE_GRACE = timedelta(0)\n"
    only_login = (
        'from jwt_auth.views import ObtainPairView\nurlpatterns.append(path("in/", ObtainPairView.as_view()))\n'
    )
    assert set(Host(tmp_path / "urls", grace, only_login).messages()) >= {"jwt_auth.E015", "jwt_auth.E016"}

"""One client for each library's endpoints."""

from base64 import b64encode

from benchmarks.questions.refreshes.client import NEW_PASSWORD, PASSWORD, WHOAMI, Client, Held, Reply, expect


class Pairs(Client):
    """SimpleJWT's wire format: a pair in the body, and `refresh` to get another."""

    obtain = "/api/token/"
    refresh = "/api/token/refresh/"

    def log_in(self, held: Held):
        body = {"username": held.username, "password": PASSWORD}
        self.take(held, expect(self.send("POST", self.obtain, body), self.obtain))

    def renew(self, held: Held) -> int:
        reply = self.send("POST", self.refresh, {"refresh": held.refresh})
        if reply.status == 200:
            self.take(held, reply)
        return reply.status

    def take(self, held: Held, reply: Reply):
        held.access = reply.data["access"]
        held.refresh = reply.data.get("refresh", held.refresh)  # absent if refresh tokens do not rotate

    def log_out(self, held: Held) -> Reply:
        return self.post(self.logout, held, {"refresh": held.refresh})


class Ours(Pairs):
    logout = "/api/token/logout/"


class Blacklisting(Pairs):
    logout = "/api/token/blacklist/"


class Djoser(Pairs):
    obtain = "/auth/jwt/create/"
    refresh = "/auth/jwt/refresh/"
    password = "/auth/users/set_password/"

    def change_password(self, held: Held) -> Reply:
        return self.post(self.password, held, {"current_password": PASSWORD, "new_password": NEW_PASSWORD})


class DjRestAuth(Client):
    """Both tokens in cookies, as its documentation sets it up."""

    logout = "/auth/logout/"
    password = "/auth/password/change/"

    def log_in(self, held: Held):
        body = {"username": held.username, "password": PASSWORD}
        self.take(held, expect(self.send("POST", "/auth/login/", body), "/auth/login/"))

    def renew(self, held: Held) -> int:
        reply = self.send("POST", "/auth/token/refresh/", cookies={"refresh": held.refresh or ""})
        if reply.status == 200:
            self.take(held, reply)
        return reply.status

    def take(self, held: Held, reply: Reply):
        held.cookies |= reply.cookies
        held.access, held.refresh = held.cookies["access"], held.cookies["refresh"]

    def credential(self, held: Held) -> dict[str, str]:
        return {"HTTP_COOKIE": f"access={held.access}"}

    def log_out(self, held: Held) -> Reply:
        return self.send("POST", self.logout, cookies=held.cookies)


class Allauth(Client):
    """The headless API for apps, which have no cookies."""

    logout = "/_allauth/app/v1/auth/session"
    password = "/_allauth/app/v1/account/password/change"

    def log_in(self, held: Held):
        url = "/_allauth/app/v1/auth/login"
        meta = expect(self.send("POST", url, {"username": held.username, "password": PASSWORD}), url).data["meta"]
        held.access, held.refresh = meta["access_token"], meta["refresh_token"]

    def renew(self, held: Held) -> int:
        reply = self.send("POST", "/_allauth/app/v1/tokens/refresh", {"refresh_token": held.refresh})
        if reply.status == 200:
            held.access = reply.data["data"]["access_token"]
            held.refresh = reply.data["data"].get("refresh_token", held.refresh)
        return reply.status

    def log_out(self, held: Held) -> Reply:
        reply = self.send("DELETE", self.logout, headers=self.credential(held))
        # "Logged out" is 401 by its specification.
        return Reply(204, reply.data, reply.cookies) if reply.status == 401 else reply

    def change_password(self, held: Held) -> Reply:
        return self.post(self.password, held, {"current_password": PASSWORD, "new_password": NEW_PASSWORD})


class JwtAllauth(Client):
    """The refresh token in a cookie, its default."""

    logout = "/jwt-allauth/logout/"
    password = "/jwt-allauth/password/change/"

    def log_in(self, held: Held):
        url = "/jwt-allauth/login/"
        self.take(held, expect(self.send("POST", url, {"email": held.email, "password": PASSWORD}), url))

    def renew(self, held: Held) -> int:
        reply = self.send("POST", "/jwt-allauth/refresh/", cookies={"refresh_token": held.refresh or ""})
        if reply.status == 200:
            self.take(held, reply)
        return reply.status

    def take(self, held: Held, reply: Reply):
        held.access, held.refresh = reply.data["access"], reply.cookies["refresh_token"]

    def log_out(self, held: Held) -> Reply:
        cookies = {"refresh_token": held.refresh or ""}
        return self.send("POST", self.logout, headers=self.credential(held), cookies=cookies)

    def change_password(self, held: Held) -> Reply:
        passwords = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        return self.post(self.password, held, {"old_password": PASSWORD, **passwords})


class TokenNames(Client):
    """`access_token` and `refresh_token` in bodies of JSON, as drf-sessions and tokenforge have."""

    obtain = "/auth/login/"
    refresh = "/auth/refresh/"
    logout = "/auth/logout/"
    platform: dict[str, str] = {}

    def log_in(self, held: Held):
        body = {"username": held.username, "password": PASSWORD}
        self.take(held, expect(self.send("POST", self.obtain, body), self.obtain))

    def renew(self, held: Held) -> int:
        reply = self.send("POST", self.refresh, {"refresh_token": held.refresh}, self.platform)
        if reply.status == 200:
            self.take(held, reply)
        return reply.status

    def take(self, held: Held, reply: Reply):
        held.access, held.refresh = reply.data["access_token"], reply.data["refresh_token"]

    def log_out(self, held: Held) -> Reply:
        return self.post(self.logout, held, {"refresh_token": held.refresh})


class Tokenforge(TokenNames):
    refresh = "/auth/mobile/token/refresh/"
    platform = {"HTTP_X_CLIENT_PLATFORM": "mobile"}


class OauthToolkit(TokenNames):
    """RFC 6749: forms. The login is the password grant, the one without a browser."""

    logout = "/o/revoke_token/"
    _client = {"client_id": "benchmarks"}

    def log_in(self, held: Held):
        form = {"grant_type": "password", "username": held.username, "password": PASSWORD, **self._client}
        self.take(held, expect(self.send("POST", "/o/token/", form, is_form=True), "/o/token/"))

    def renew(self, held: Held) -> int:
        form = {"grant_type": "refresh_token", "refresh_token": held.refresh, **self._client}
        reply = self.send("POST", "/o/token/", form, is_form=True)
        if reply.status == 200:
            self.take(held, reply)
        return reply.status

    def log_out(self, held: Held) -> Reply:
        form = {"token": held.refresh, "token_type_hint": "refresh_token", **self._client}
        return self.send("POST", self.logout, form, is_form=True)


class Knox(Client):
    """One token, which a request renews at most once a minute."""

    keyword = "Token"
    waits = 61
    logout = "/auth/logout/"

    def log_in(self, held: Held):
        basic = b64encode(f"{held.username}:{PASSWORD}".encode()).decode()
        reply = self.send("POST", "/auth/login/", headers={"HTTP_AUTHORIZATION": f"Basic {basic}"})
        held.access = expect(reply, "/auth/login/").data["token"]

    def renew(self, held: Held) -> int:
        return self.ask(held)


class Session(Client):
    """Django's session, which every request renews."""

    logout = "/api-auth/logout/"

    def log_in(self, held: Held):
        form = {"username": held.username, "password": PASSWORD, **self._csrf(held)}
        reply = self.send("POST", "/api-auth/login/", form, cookies=held.cookies, is_form=True)
        if reply.status != 302:  # a form is shown again if it is wrong
            expect(reply, "/api-auth/login/")
        held.cookies |= reply.cookies
        held.access = held.cookies["sessionid"]

    def renew(self, held: Held) -> int:
        return self.ask(held)

    def credential(self, held: Held) -> dict[str, str]:
        return {"HTTP_COOKIE": f"sessionid={held.access}"}

    def log_out(self, held: Held) -> Reply:
        form = {"next": WHOAMI, **self._csrf(held)}
        reply = self.send("POST", self.logout, form, cookies=held.cookies, is_form=True)
        return Reply(204, {}, {}) if reply.status == 302 else reply

    def _csrf(self, held: Held) -> dict[str, str]:
        """Return the form's token, after opening the login page as a browser does."""
        held.cookies |= self.send("GET", "/api-auth/login/", cookies=held.cookies).cookies
        return {"csrfmiddlewaretoken": held.cookies["csrftoken"]}

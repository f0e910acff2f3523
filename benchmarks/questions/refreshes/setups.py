"""The libraries that refresh, in the settings that its documentation names.

The lab imports this module without the libraries and before it sets Django up.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from config.schemes import SCHEMES

_CLIENTS = "benchmarks.questions.refreshes.clients"
_PROJECTS = "benchmarks.questions.refreshes.projects"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A library in a project of its own, or a row of the scheme table in the service.

    `package`         the distribution; empty: this project
    `shown`           the settings that differ from the library's defaults
    `client`          dotted path of the class that sends its requests
    `authentication`  dotted path of the class that guards `/whoami/`
    `urls`            path -> dotted path of a URLconf
    `prepare`         dotted path of a function that stores what the library needs first
    `row`             a row of the scheme table: the service itself is measured, with it alone
    """

    name: str
    package: str
    shown: str
    client: str
    authentication: str = ""
    urls: Mapping[str, str] | None = None
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    settings: Callable[[], Mapping[str, Any]] = dict
    prepare: str = ""
    row: str = ""

    def version(self) -> str | None:
        """Return the installed version; None: it is missing. Empty for this project."""
        try:
            return version(self.package) if self.package else ""
        except PackageNotFoundError:
            return None


def _row(name: str) -> Setup:
    return Setup(name=name, package="", shown="defaults", client=f"{_CLIENTS}.Ours", row=name)


# --- SimpleJWT, and what stands on it -------------------------------------------------------------

_BLACKLIST = "rest_framework_simplejwt.token_blacklist"
_JWT = "rest_framework_simplejwt.authentication.JWTAuthentication"
_ROTATING = {"ROTATE_REFRESH_TOKENS": True}
_SPENT = {**_ROTATING, "BLACKLIST_AFTER_ROTATION": True}


def _simplejwt(name: str, shown: str, blacklist: bool = True, **settings: Any) -> Setup:
    return Setup(
        name=name,
        package="djangorestframework-simplejwt",
        shown=shown,
        client=f"{_CLIENTS}.{'Blacklisting' if blacklist else 'Pairs'}",
        authentication=_JWT,
        urls={"api/token/": f"{_PROJECTS}.simplejwt_urls"},
        apps=(_BLACKLIST,) if blacklist else (),
        settings=lambda: {"SIMPLE_JWT": settings},
    )


def _dj_rest_auth(name: str, shown: str, *apps: str, **settings: Any) -> Setup:
    return Setup(
        name=name,
        package="dj-rest-auth",
        shown=shown,
        client=f"{_CLIENTS}.DjRestAuth",
        authentication="dj_rest_auth.jwt_auth.JWTCookieAuthentication",
        urls={"auth/": "dj_rest_auth.urls"},
        apps=("rest_framework.authtoken", "dj_rest_auth", *apps),
        settings=lambda: {
            "REST_AUTH": {"USE_JWT": True, "JWT_AUTH_COOKIE": "access", "JWT_AUTH_REFRESH_COOKIE": "refresh"},
            "SIMPLE_JWT": settings,
        },
    )


# --- allauth, and what stands on it ---------------------------------------------------------------

_ALLAUTH = ("allauth", "allauth.account")
_ACCOUNT = ("allauth.account.middleware.AccountMiddleware",)
_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend"]


def _allauth_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _allauth(name: str, shown: str, **settings: Any) -> Setup:
    return Setup(
        name=name,
        package="django-allauth",
        shown=shown,
        client=f"{_CLIENTS}.Allauth",
        authentication="allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
        urls={"accounts/": "allauth.urls", "_allauth/": "allauth.headless.urls"},
        apps=(*_ALLAUTH, "allauth.headless"),
        middleware=_ACCOUNT,
        settings=lambda: {
            "AUTHENTICATION_BACKENDS": _BACKENDS,
            "ACCOUNT_RATE_LIMITS": False,  # the run logs in more often than a user
            "ACCOUNT_EMAIL_VERIFICATION": "none",
            "HEADLESS_ONLY": True,
            "HEADLESS_TOKEN_STRATEGY": "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy",
            "HEADLESS_JWT_PRIVATE_KEY": _allauth_key(),
            **settings,
        },
    )


def _jwt_allauth(name: str, shown: str, **settings: Any) -> Setup:
    return Setup(
        name=name,
        package="django-jwt-allauth",
        shown=shown,
        client=f"{_CLIENTS}.JwtAllauth",
        authentication="jwt_allauth.authentication.JWTAllAuthAuthentication",
        urls={"jwt-allauth/": "jwt_allauth.urls"},
        apps=("rest_framework.authtoken", *_ALLAUTH, "jwt_allauth"),
        middleware=_ACCOUNT,
        settings=lambda: {
            "AUTHENTICATION_BACKENDS": _BACKENDS,
            "ACCOUNT_RATE_LIMITS": False,
            "JWT_ALLAUTH_SECRET_KEY": secrets.token_urlsafe(48),  # it warns without
            **settings,
        },
    )


# --- others ---------------------------------------------------------------------------------------


def _tokenforge(name: str, shown: str, **settings: Any) -> Setup:
    return Setup(
        name=name,
        package="django-tokenforge",
        shown=shown,
        client=f"{_CLIENTS}.Tokenforge",
        authentication="tokenforge.security.authentication.BearerTokenAuthentication",
        urls={"auth/": f"{_PROJECTS}.tokenforge_urls"},
        apps=("tokenforge",),
        settings=lambda: {
            "TOKENFORGE": {"ACCESS_TOKEN_SIGNING_KEY": secrets.token_urlsafe(48), **settings},
            "TOKENFORGE_TOKEN_MODEL": "tokenforge.RefreshToken",  # its migration reads it, and has no default
        },
    )


def _oauth_toolkit(name: str, shown: str, **settings: Any) -> Setup:
    return Setup(
        name=name,
        package="django-oauth-toolkit",
        shown=shown,
        client=f"{_CLIENTS}.OauthToolkit",
        authentication="oauth2_provider.contrib.rest_framework.OAuth2Authentication",
        urls={"o/": "oauth2_provider.urls"},
        apps=("oauth2_provider",),
        settings=lambda: {"OAUTH2_PROVIDER": settings},
        prepare=f"{_PROJECTS}.oauth_application.register",
    )


_ALL = (
    *(_row(name) for name in ("jwt", "jwt-pushed", "jwt-stateless") if name in SCHEMES),
    _simplejwt("simplejwt", "defaults", blacklist=False),
    _simplejwt("simplejwt-rotating", "ROTATE_REFRESH_TOKENS", blacklist=False, **_ROTATING),
    _simplejwt(
        "simplejwt-without-app",
        "ROTATE_REFRESH_TOKENS, BLACKLIST_AFTER_ROTATION, and not the app token_blacklist",
        blacklist=False,
        **_SPENT,
    ),
    _simplejwt("simplejwt-blacklist", "ROTATE_REFRESH_TOKENS, BLACKLIST_AFTER_ROTATION, token_blacklist", **_SPENT),
    _simplejwt(
        "simplejwt-checked",
        "ROTATE_REFRESH_TOKENS, BLACKLIST_AFTER_ROTATION, token_blacklist, CHECK_REVOKE_TOKEN",
        **_SPENT,
        CHECK_REVOKE_TOKEN=True,
    ),
    Setup(
        name="djoser",
        package="djoser",
        shown="its JWT endpoints, which are SimpleJWT's; SimpleJWT's defaults",
        client=f"{_CLIENTS}.Djoser",
        authentication=_JWT,
        urls={"auth/": f"{_PROJECTS}.djoser_urls"},
        apps=("rest_framework.authtoken", "djoser"),
        settings=lambda: {"SIMPLE_JWT": {"AUTH_HEADER_TYPES": ("Bearer",)}},
    ),
    _dj_rest_auth("dj-rest-auth", "USE_JWT, both tokens in cookies; SimpleJWT's defaults"),
    _dj_rest_auth(
        "dj-rest-auth-blacklist",
        "USE_JWT, both tokens in cookies; ROTATE_REFRESH_TOKENS, BLACKLIST_AFTER_ROTATION, token_blacklist",
        _BLACKLIST,
        **_SPENT,
    ),
    _allauth("allauth-jwt", "HEADLESS_TOKEN_STRATEGY for JWT"),
    _allauth(
        "allauth-jwt-stateful",
        "HEADLESS_TOKEN_STRATEGY for JWT, HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED",
        HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED=True,
    ),
    _jwt_allauth("django-jwt-allauth", "defaults"),
    _jwt_allauth(
        "django-jwt-allauth-checked",
        "JWT_ALLAUTH_ACCESS_TOKEN_SESSION_CHECK",
        JWT_ALLAUTH_ACCESS_TOKEN_SESSION_CHECK=True,
    ),
    Setup(
        name="drf-sessions",
        package="drf-sessions",
        shown="defaults; it ships no views, and these are the ones of its README, with a logout that calls revoke()",
        client=f"{_CLIENTS}.TokenNames",
        authentication="drf_sessions.auth.BearerAuthentication",
        urls={"auth/": f"{_PROJECTS}.drf_sessions_urls"},
        apps=("drf_sessions",),
    ),
    _tokenforge("tokenforge", "defaults; it ships no login, and this one calls its services"),
    _tokenforge(
        "tokenforge-denylist", "ACCESS_TOKEN_DENYLIST_ENABLED; the same login", ACCESS_TOKEN_DENYLIST_ENABLED=True
    ),
    _oauth_toolkit("oauth-toolkit", "defaults; a public client, which logs in by the password grant"),
    _oauth_toolkit(
        "oauth-toolkit-reuse",
        "REFRESH_TOKEN_REUSE_PROTECTION; the same client",
        REFRESH_TOKEN_REUSE_PROTECTION=True,
    ),
    Setup(
        name="knox",
        package="django-rest-knox",
        shown="AUTO_REFRESH: a request refreshes, at most once in 60 s",
        client=f"{_CLIENTS}.Knox",
        authentication="knox.auth.TokenAuthentication",
        urls={"auth/": f"{_PROJECTS}.knox_urls"},
        apps=("knox",),
        settings=lambda: {"REST_KNOX": {"AUTO_REFRESH": True}},
    ),
    Setup(
        name="session",
        package="Django",
        shown="SESSION_SAVE_EVERY_REQUEST: each request refreshes",
        client=f"{_CLIENTS}.Session",
        authentication="rest_framework.authentication.SessionAuthentication",
        urls={"api-auth/": "rest_framework.urls"},
        settings=lambda: {"SESSION_SAVE_EVERY_REQUEST": True},
    ),
)

SETUPS: dict[str, Setup] = {setup.name: setup for setup in _ALL}


def missing(names: tuple[str, ...]) -> dict[str, str]:
    """Return name -> the package that is not installed, for those that lack one."""
    return {name: SETUPS[name].package for name in names if SETUPS[name].version() is None}

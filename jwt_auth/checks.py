"""System checks: keys, lifetimes, and the settings of SimpleJWT that our rows do not honour."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from difflib import get_close_matches
from itertools import pairwise, product
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import NoReverseMatch, reverse
from rest_framework_simplejwt import authentication as stock_authentication
from rest_framework_simplejwt.backends import ALLOWED_ALGORITHMS
from rest_framework_simplejwt.settings import DEFAULTS, api_settings

from auth_core.checks import needs_settings
from auth_core.conf import Conf, conf, derived_signing_key, simple_jwt, source_of
from auth_core.schemes import dotted, enabled_from, scheme_of
from jwt_auth import channels, stock
from jwt_auth.authentication import JWTAuthentication, JWTPushedAuthentication
from jwt_auth.claims import ClaimsError, hook
from jwt_auth.jwk import ALGORITHMS, KeyFormatError, is_symmetric, signing_key, verifying_key
from jwt_auth.keys import AT_JWT

LEAST_SECRET_BYTES = 32
_KEYWORD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110 5.6.2


@register
@needs_settings("JWT_")
def keys_fit_the_algorithm(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each key that does not fit JWT_ALGORITHM, or for an unknown algorithm."""
    algorithm = conf.JWT_ALGORITHM
    if algorithm not in ALGORITHMS:
        source, allowed = source_of("JWT_ALGORITHM"), ", ".join(ALGORITHMS)
        yield Error(
            f"{source} is {algorithm!r}.",
            hint=f"Allowed: {allowed}.",
            id="jwt_auth.E014",
        )
        return
    if is_symmetric(algorithm) and derived_signing_key(settings.SECRET_KEY) == conf.JWT_SIGNING_KEY:
        length = len(settings.SECRET_KEY.encode())
        if length < LEAST_SECRET_BYTES:
            yield Error(
                f"SECRET_KEY has {length} bytes, and {algorithm}'s key is derived from it.",
                hint=f"Set SECRET_KEY, or JWT_SIGNING_KEY, to {LEAST_SECRET_BYTES} random bytes or more.",
                id="jwt_auth.E001",
            )
    else:
        try:
            signing_key(conf.JWT_SIGNING_KEY, algorithm)
        except KeyFormatError as error:
            source = source_of("JWT_SIGNING_KEY")
            yield Error(
                f"{source}: {error}.",
                hint="Set JWT_SIGNING_KEY to such a key; a switch may name a file, file:PATH. Until "
                "JWT_ACCEPT_STOCK_UNTIL, tokens of SimpleJWT are still verified with the key in SIMPLE_JWT.",
                id="jwt_auth.E002",
            )
    for position, text in enumerate(conf.JWT_VERIFYING_KEYS, start=1):
        try:
            verifying_key(text, algorithm)
        except KeyFormatError as error:
            yield Error(
                f"{source_of('JWT_VERIFYING_KEYS')}, key {position}: {error}.",
                hint="Every older key is of the present JWT_ALGORITHM; a secret that holds a comma goes into a file.",
                id="jwt_auth.E003",
            )


@register
@needs_settings("JWT_")
def lifetimes_are_in_order(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each lifetime that is longer than the next one."""
    lifetimes = {
        name: getattr(conf, name)
        for name in ("JWT_REUSE_GRACE", "JWT_ACCESS_LIFETIME", "JWT_REFRESH_LIFETIME", "JWT_SESSION_LIFETIME")
    }
    names = list(lifetimes)
    for shorter, longer in pairwise(names):
        if lifetimes[shorter] > lifetimes[longer]:
            long, short = f"{source_of(longer)} ({lifetimes[longer]})", f"{source_of(shorter)} ({lifetimes[shorter]})"
            yield Error(
                f"{short} is longer than {long}.",
                hint=f"In this order, each at most as long as the next: {', '.join(names)}.",
                id="jwt_auth.E004",
            )


@register
@needs_settings("JWT_")
def cookie_has_a_grace(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error if two tabs that share the cookie would end their own login."""
    if conf.JWT_REFRESH_COOKIE and not conf.JWT_REUSE_GRACE:
        yield Error(
            "JWT_REFRESH_COOKIE is on with JWT_REUSE_GRACE=0: every tab has the same cookie, and of two that refresh "
            "at once the second would end the login as if it were stolen.",
            hint="Set JWT_REUSE_GRACE to some seconds, 10s by default, or JWT_REFRESH_COOKIE=off.",
            id="jwt_auth.E015",
        )


@register
@needs_settings("JWT_")
def cookie_has_a_path(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error if the path of the cookie cannot be found, since logins would fail."""
    if not conf.JWT_REFRESH_COOKIE or not _rows():
        return
    try:
        login, *others = map(reverse, ("jwt-obtain", "jwt-refresh", "jwt-logout"))
    except NoReverseMatch:
        yield Error(
            "JWT_REFRESH_COOKIE is on, and no URL has one of the names jwt-obtain, jwt-refresh and jwt-logout: the "
            "cookie is sent below the login's path.",
            hint='Add path("", include("jwt_auth.urls")) to your urlpatterns.',
            id="jwt_auth.E016",
        )
        return
    for other in others:
        if not other.startswith(login):
            yield Error(
                f"JWT_REFRESH_COOKIE is on, and {other} is not below {login}: browsers would not send the cookie "
                "there.",
                hint="Give both URLs a path below the login's.",
                id="jwt_auth.E016",
            )


@register
@needs_settings("JWT_")
def blacklist_has_its_app(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error if SimpleJWT would silently keep accepting old refresh tokens."""
    wants = simple_jwt().get("BLACKLIST_AFTER_ROTATION")
    if wants and not apps.is_installed("rest_framework_simplejwt.token_blacklist"):
        yield Error(
            "SIMPLE_JWT['BLACKLIST_AFTER_ROTATION'] is on without its app.",
            hint="Add rest_framework_simplejwt.token_blacklist to INSTALLED_APPS.",
            id="jwt_auth.E005",
        )


# SimpleJWT's settings that its own rows honour and ours do not, each with what holds for ours.
_SERIALIZERS = "the endpoints' serializers are those of jwt_auth/serializers.py"
_SLIDING = "there are no sliding tokens"
_NOT_HONOURED = {
    "AUTH_HEADER_NAME": "the credential stands in the Authorization header",
    "AUTH_TOKEN_CLASSES": "the class is jwt_auth.tokens.AccessToken",
    "TOKEN_TYPE_CLAIM": "the claim is token_type, and without it a refresh token would pass for an access token",
    "JTI_CLAIM": "the claim is jti",
    "TOKEN_USER_CLASS": "a stateless user is a rest_framework_simplejwt.models.TokenUser",
    "USER_AUTHENTICATION_RULE": "is_active is read at each refresh, and by `jwt` at each request",
    "CHECK_USER_IS_ACTIVE": "is_active is read at each refresh, and by `jwt` at each request",
    "JWK_URL": "our own keys are JWT_SIGNING_KEY and JWT_VERIFYING_KEYS",
    "JSON_ENCODER": "every claim is plain JSON",
    **{name: _SERIALIZERS for name in DEFAULTS if name.endswith("_SERIALIZER")},
    "TOKEN_OBTAIN_SERIALIZER": f"{_SERIALIZERS}, and JWT_CLAIMS adds claims",
    **{name: _SLIDING for name in DEFAULTS if name.startswith("SLIDING_")},
}


@register
@needs_settings("JWT_")
def every_simplejwt_setting_is_known_and_honoured(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Yield a message for each name in SIMPLE_JWT that an enabled row of this app ignores."""
    for name, value in simple_jwt().items() if (ours := _rows()) else ():
        default = DEFAULTS.get(str(name))
        same = default == (tuple(value) if isinstance(value, list) else value)
        near = get_close_matches(str(name).upper(), DEFAULTS, 1, 0.87)
        if name not in DEFAULTS and near:
            yield Error(
                f"SIMPLE_JWT[{name!r}] is no setting of SimpleJWT, and nothing reads it.",
                hint=f"Did you mean {near[0]}?",
                id="jwt_auth.E006",
            )
        elif name not in DEFAULTS:
            yield Warning(
                f"SIMPLE_JWT[{name!r}] is no setting of SimpleJWT, and {ours[0]!r} does not read it.",
                hint="Remove it, unless code of yours reads it.",
                id="jwt_auth.W001",
            )
        elif name == "JWK_URL" and conf.JWT_ACCEPT_STOCK_UNTIL:
            pass  # it verifies the tokens that are accepted until then
        elif name in _NOT_HONOURED and not same:
            yield Error(
                f"SIMPLE_JWT[{name!r}] is {value!r}, which {ours[0]!r} does not honour: {_NOT_HONOURED[name]}.",
                hint="Remove it, or take one of SimpleJWT's own rows, which honour it.",
                id="jwt_auth.E006",
            )


@register
@needs_settings("JWT_")
def no_setting_contradicts_simplejwt(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Yield a warning for each setting that stands in SIMPLE_JWT too, with another value."""
    ignored = ["VERIFYING_KEY"]  # the public key of SIGNING_KEY
    if conf.JWT_ACCEPT_STOCK_UNTIL:
        ignored += ["SIGNING_KEY", "ALGORITHM"]  # those of the tokens that are accepted until then
    for name, setting in vars(Conf).items() if _rows() else ():
        theirs = getattr(setting, "stock", None)
        written = simple_jwt().get(theirs)
        if theirs in ignored or written in (None, "") or not (name.isupper() and hasattr(settings, name)):
            continue
        if getattr(conf, name) != setting.read(written):
            yield Warning(
                f"{name} and SIMPLE_JWT[{theirs!r}] differ. {name} counts for the tokens of jwt_auth.",
                hint=f"Remove {name}, or give both the same value.",
                id="jwt_auth.W002",
            )


_REGISTERED_CLAIMS = {"aud", "exp", "iat", "iss", "jti", "nbf", "sid", "token_type"}


@register
@needs_settings("JWT_")
def simplejwt_settings_can_be_honoured(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each setting in SIMPLE_JWT whose value no row of this app can honour."""
    if not _rows():
        return
    users = get_user_model()
    wrong = {}
    keywords = conf.header_types if isinstance(conf.header_types, tuple) else (conf.header_types,)
    if not keywords or not all(isinstance(word, str) and _KEYWORD.fullmatch(word) for word in keywords):
        wrong["AUTH_HEADER_TYPES"] = "allowed: a keyword, or a tuple of keywords, each one word of RFC 9110 11.1"
    if not isinstance(conf.user_id_claim, str) or not conf.user_id_claim or conf.user_id_claim in _REGISTERED_CLAIMS:
        wrong["USER_ID_CLAIM"] = f"allowed: a name other than {', '.join(sorted(_REGISTERED_CLAIMS))}"
    fields = [field for field in users._meta.concrete_fields if field.unique]
    if conf.user_id_field not in ("pk", *(field.name for field in fields)):
        wrong["USER_ID_FIELD"] = f"allowed, since one user must be found: {', '.join(field.name for field in fields)}"
    if conf.update_last_login and not any(field.name == "last_login" for field in users._meta.concrete_fields):
        wrong["UPDATE_LAST_LOGIN"] = f"{users._meta.label} has no field last_login"
    for name, allowed in wrong.items():
        yield Error(
            f"SIMPLE_JWT[{name!r}] is {simple_jwt()[name]!r}: {allowed}.", hint=f"Correct {name}.", id="jwt_auth.E008"
        )


@register
def simplejwt_leaves_us_our_tokens(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for a class of SimpleJWT that reads the same keyword as our own."""
    theirs = enabled_from(stock_authentication.JWTAuthentication)
    for cls, other in product(enabled_from(JWTAuthentication), theirs):
        keyword: Any = cls.keyword  # type: ignore[attr-defined]
        keywords = keyword if isinstance(keyword, tuple) else (keyword,)
        if {str(word).lower() for word in keywords} & {str(word).lower() for word in api_settings.AUTH_HEADER_TYPES}:
            yield Error(
                f"{dotted(other)} and {dotted(cls)} read the same keyword. The first refuses every token of the "
                "second, or honours those of logins that have ended.",
                hint=f"Remove {dotted(other)}: until JWT_ACCEPT_STOCK_UNTIL, ours accepts SimpleJWT's tokens too.",
                id="jwt_auth.E009",
            )


@register
@needs_settings("JWT_")
def claims_can_be_added(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error if JWT_CLAIMS names no function."""
    try:
        hook()
    except ClaimsError as error:
        yield Error(f"{error}.", hint="Correct JWT_CLAIMS, or remove it.", id="jwt_auth.E010")


@register
@needs_settings("JWT_")
def access_tokens_have_their_type(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for an unknown JWT_ACCESS_TYPE, and for at+jwt without a required claim."""
    access_type = conf.JWT_ACCESS_TYPE
    if access_type not in ("JWT", AT_JWT):
        yield Error(f"JWT_ACCESS_TYPE is {access_type!r}.", hint="Allowed: JWT, at+jwt.", id="jwt_auth.E011")
    names = " and ".join(name for name in ("JWT_ISSUER", "JWT_AUDIENCE") if not getattr(conf, name))
    if access_type == AT_JWT and names:
        yield Error(
            f"JWT_ACCESS_TYPE is {access_type!r} without {names}: RFC 9068 2.2 requires iss and aud.",
            hint=f"Set {names}, or JWT_ACCESS_TYPE=JWT.",
            id="jwt_auth.E012",
        )


@register
@needs_settings("JWT_")
def published_keys_come_with_an_audience(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning if other services can verify tokens that name no audience."""
    if _rows() and conf.JWT_ALGORITHM in ALGORITHMS and not is_symmetric(conf.JWT_ALGORITHM) and not conf.JWT_AUDIENCE:
        yield Warning(
            f"{source_of('JWT_ALGORITHM')} is {conf.JWT_ALGORITHM!r} without JWT_AUDIENCE.",
            hint="Set JWT_AUDIENCE, and let each service that verifies by /.well-known/jwks.json check it. A "
            "service that checks neither aud nor typ takes a refresh token for an access token.",
            id="jwt_auth.W007",
        )


@register
@needs_settings("JWT_")
def simplejwt_knows_the_algorithm(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for an enabled row of SimpleJWT that could not sign with JWT_ALGORITHM."""
    theirs = enabled_from(stock_authentication.JWTAuthentication)
    if theirs and api_settings.ALGORITHM not in ALLOWED_ALGORITHMS:
        algorithm, enabled = api_settings.ALGORITHM, theirs[0].__qualname__
        yield Error(
            f"{algorithm} is no algorithm of SimpleJWT, whose {enabled} is enabled.",
            hint="Take EdDSA, the older name of the same signature, or a class of jwt_auth.",
            id="jwt_auth.E013",
        )


@register
@needs_settings("JWT_")
def stock_tokens_have_an_end(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Yield a message for a wrong or past JWT_ACCEPT_STOCK_UNTIL, or about rotation."""
    until = conf.JWT_ACCEPT_STOCK_UNTIL
    if until is None:
        return
    if not isinstance(until, date) or (isinstance(until, datetime) and until.tzinfo is None):
        yield Error(
            f"JWT_ACCEPT_STOCK_UNTIL is {until!r}.",
            hint="Allowed: None, a datetime.date, or a datetime.datetime with a time zone.",
            id="jwt_auth.E007",
        )
    elif api_settings.ALGORITHM not in ALLOWED_ALGORITHMS:
        algorithm = api_settings.ALGORITHM
        yield Error(
            f"JWT_ACCEPT_STOCK_UNTIL is set, and {algorithm} in SIMPLE_JWT is no algorithm of SimpleJWT.",
            hint="Keep the algorithm with which SimpleJWT signed until the end, or remove JWT_ACCEPT_STOCK_UNTIL.",
            id="jwt_auth.E007",
        )
    elif not stock.can_verify():
        algorithm = api_settings.ALGORITHM
        yield Error(
            f"JWT_ACCEPT_STOCK_UNTIL is set, and SIMPLE_JWT has no key that verifies a token of {algorithm}.",
            hint="Keep SIGNING_KEY (HS), or VERIFYING_KEY (RS, ES, EdDSA), until the end.",
            id="jwt_auth.E007",
        )
    elif (end := stock.accepted_until()) and datetime.now(UTC) >= end:
        yield Warning(
            f"JWT_ACCEPT_STOCK_UNTIL ({until}) has passed, so tokens of SimpleJWT are refused.",
            hint="Remove JWT_ACCEPT_STOCK_UNTIL.",
            id="jwt_auth.W003",
        )
    elif not simple_jwt().get("ROTATE_REFRESH_TOKENS"):
        yield Warning(
            "SIMPLE_JWT does not set ROTATE_REFRESH_TOKENS, and the rows of jwt_auth always rotate.",
            hint="Clients must store the refresh token of each answer: a second use of an earlier one ends "
            "the login. Set ROTATE_REFRESH_TOKENS to True when they do.",
            id="jwt_auth.W004",
        )


@register
@needs_settings("JWT_")
def stock_tokens_cannot_be_guessed(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning for a short secret that verifies SimpleJWT's tokens, but not ours."""
    secret, algorithm = simple_jwt().get("SIGNING_KEY") or settings.SECRET_KEY, simple_jwt().get("ALGORITHM", "HS256")
    length = len(secret if isinstance(secret, bytes) else str(secret).encode())
    is_own = secret == conf.JWT_SIGNING_KEY  # then E002 refuses it
    if conf.JWT_ACCEPT_STOCK_UNTIL and is_symmetric(str(algorithm)) and length < LEAST_SECRET_BYTES and not is_own:
        yield Warning(
            f"JWT_ACCEPT_STOCK_UNTIL is set, and SIMPLE_JWT['SIGNING_KEY'] has {length} bytes.",
            hint=f"{algorithm} needs {LEAST_SECRET_BYTES} bytes or more (RFC 7518 3.2): whoever guesses the secret "
            "signs tokens for every user until then. Choose an early end.",
            id="jwt_auth.W005",
        )


@register
def logins_can_be_remembered(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning for each class that is to remember logins, and cannot."""
    for cls in enabled_from(JWTPushedAuthentication):
        if reason := channels.why_not():
            yield Warning(
                f"{scheme_of(cls)!r} remembers no login, so it reads each from the database: {reason}.",
                hint='It remembers logins with "auth_core.caches.RedisCache" in CACHES, on PostgreSQL with psycopg 3, '
                "and on SQLite in a file, if ATOMIC_REQUESTS is off and users are read where they are written. `jwt` "
                "makes the same query.",
                id="jwt_auth.W006",
            )


def _rows() -> list[str | None]:
    """Return the names of the enabled rows of this app."""
    return [scheme_of(cls) for cls in enabled_from(JWTAuthentication)]

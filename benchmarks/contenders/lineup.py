"""Every named contender: scheme table rows, reference points, algorithms, third parties.

`benchmarks.settings` imports it, so it must not need Django's settings.
"""

from collections.abc import Iterable

from django.apps import apps
from django.conf import settings

from benchmarks.contenders import outside
from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.reference_points import BASIC, SESSION, SESSION_CACHED, SESSION_SIGNED
from benchmarks.contenders.third_party import (
    allauth,
    api_key,
    dj_rest_auth,
    djoser,
    drf_sessions,
    jwt_allauth,
    knox,
    oauth_toolkit,
    tokenforge,
)
from benchmarks.messages import RefusedError
from config.schemes import SCHEMES, Scheme

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")
SIGNED = ("simplejwt", "simplejwt-stateless", "jwt", "jwt-stateless")  # rows whose credential an algorithm signs


def _signed(row: Scheme, algorithm: str) -> Candidate:
    name = f"{row.name}-{algorithm.lower()}"
    attribute = name.replace("-", "_")
    return Candidate(
        name=name,
        keyword=row.keyword,
        authentication=f"benchmarks.contenders.algorithms.{attribute}",
        issue=f"benchmarks.contenders.algorithms.issue_{attribute}",
        summary=f"{row.summary}; {algorithm}",
        is_own=not row.is_stock,
    )


THIRD_PARTIES = (
    knox.KNOX,
    oauth_toolkit.OAUTH_TOOLKIT,
    dj_rest_auth.DJ_REST_AUTH,
    djoser.DJOSER,
    tokenforge.TOKENFORGE,
    allauth.SESSION,
    allauth.JWT,
    drf_sessions.DRF_SESSIONS,
    drf_sessions.COOKIE,
    jwt_allauth.JWT_ALLAUTH,
    api_key.API_KEY,
)

LINEUP: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        *SCHEMES.values(),
        SESSION,
        SESSION_CACHED,
        SESSION_SIGNED,
        BASIC,
        # The table of an earlier revision, which `versus` drives, may lack some rows.
        *(_signed(SCHEMES[name], algorithm) for name in SIGNED if name in SCHEMES for algorithm in ALGORITHMS),
        *THIRD_PARTIES,
    )
}


def find_scheme(name: str) -> Scheme:
    """Return the scheme of that name in the line-up, or what `package.module:SCHEME` is.

    Raises RefusedError.
    """
    if name in LINEUP:
        return LINEUP[name]
    if ":" not in name:
        raise RefusedError(
            f"{name}: no such contender; choose from {', '.join(LINEUP)}, or name a package.module:SCHEME"
        )
    try:
        scheme = outside.load(name)
    except outside.NeedsDjangoError as error:
        raise RefusedError(str(error)) from None
    if isinstance(scheme, Candidate) and apps.ready and name not in getattr(settings, "CANDIDATES", (name,)):
        raise RefusedError(
            f"{name}: its module imports models, and a Candidate's needs are part of Django's set-up, before there are "
            "models; allowed: a module that names its classes by dotted paths"
        )
    if LINEUP.get(scheme.name, scheme) is not scheme:
        raise RefusedError(f"{name}: name is {scheme.name!r}, which the line-up has; allowed: any other")
    return scheme


def is_stock(scheme: Scheme) -> bool:
    """Return True for a library's own class. The lab knows that only of what it named itself."""
    return scheme.is_stock and LINEUP.get(scheme.name) is scheme


def may_need(name: str) -> bool:
    """Return True if that contender may need apps, middleware or settings: only rows never do."""
    return ":" in name or isinstance(LINEUP.get(name), Candidate)


def candidates(names: Iterable[str]) -> dict[str, Candidate]:
    """Return those of `names` that are a Candidate, and so may need settings.

    A module that needs Django to be imported cannot hold one. Raises RefusedError.
    """
    found = {}
    for name in names:
        try:
            scheme = LINEUP[name] if name in LINEUP else outside.load(name) if ":" in name else None
        except outside.NeedsDjangoError:
            continue
        if isinstance(scheme, Candidate):
            found[name] = scheme
    return found


def not_installed(names: Iterable[str]) -> list[str]:
    """Return a line for each of the line-up's `names` whose package is missing.

    It says what installs the package.
    """
    return [
        f"{candidate.name}: {candidate.package} is not installed; `make bench-contenders` installs it"
        for candidate in candidates(name for name in names if name in LINEUP).values()
        if candidate.package and not outside.is_installed(candidate.package)
    ]

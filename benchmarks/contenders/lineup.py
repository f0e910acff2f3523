"""Every named contender: scheme table rows, reference points, algorithms, third parties.

`benchmarks.settings` imports it, so it must not need Django's settings.
"""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from django.utils.module_loading import import_string

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
        return import_string(name.replace(":", "."))
    except ImportError as error:
        raise RefusedError(f"{name}: {error}") from None


def candidates(names: Iterable[str]) -> list[Candidate]:
    """Return those of `names` that are in the line-up and not in the scheme table."""
    return [LINEUP[name] for name in names if isinstance(LINEUP.get(name), Candidate)]


def not_installed(names: Iterable[str]) -> list[str]:
    """Return a line for each of `names` whose package is missing: what it is, what installs it."""
    return [
        f"{candidate.name}: {candidate.package} is not installed; `make bench-contenders` installs it"
        for candidate in candidates(names)
        if candidate.package and not _is_installed(candidate.package)
    ]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True

"""Every named contender: scheme table rows, reference points, algorithms, third parties.

`benchmarks.settings` imports it, so it must not need Django's settings.
"""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from benchmarks.contenders import outside
from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.reference_points import BASIC, SESSION
from benchmarks.contenders.third_party import allauth, dj_rest_auth, djoser, knox, oauth_toolkit, tokenforge
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
)

LINEUP: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        *SCHEMES.values(),
        SESSION,
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
    if LINEUP.get(scheme.name, scheme) is not scheme:
        raise RefusedError(f"{name}: name is {scheme.name!r}, which the line-up has; allowed: any other")
    return scheme


def is_stock(scheme: Scheme) -> bool:
    """Return True for a library's own class. The lab knows that only of what it named itself."""
    return scheme.is_stock and LINEUP.get(scheme.name) is scheme


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
    """Return a line for each of `names` whose package is missing: what it is, what installs it."""
    return [
        f"{candidate.name}: {candidate.package} is not installed"
        + ("; `make bench-contenders` installs it" if name in LINEUP else "")
        for name, candidate in candidates(names).items()
        if candidate.package and not _is_installed(candidate.package)
    ]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True

"""The libraries' classes, set up better than they come, in the few lines that a service would take.

`docs/explanation/bias.md` measures them next to the rows of the table. Name one on the command line
as `--contender benchmarks.contenders.tuned_stock:DRF_TOKEN_SQL`.
"""

from benchmarks.contenders.candidate import Candidate


def _candidate(name: str, keyword: str, cls: str, summary: str) -> Candidate:
    return Candidate(
        name=name,
        keyword=keyword,
        authentication=f"benchmarks.contenders.tuned_stock_classes.{cls}",
        issue="tokens.issue.drf_token" if keyword == "Token" else "jwt_auth.issue.simplejwt",
        summary=summary,
        is_own=True,  # it is not as the library ships it, so nothing is compared with it as stock
    )


DRF_TOKEN_SQL = _candidate(
    "drf-token-sql", "Token", "SqlToken", "DRF's token, read by a statement that is written by hand"
)
DRF_TOKEN_IN_CACHE = _candidate(
    "drf-token-in-cache", "Token", "CachedToken", "DRF's token and its user, from Django's cache for 30 s"
)
SIMPLEJWT_SQL = _candidate(
    "simplejwt-sql", "Bearer", "SqlUser", "SimpleJWT's access token, its user read by a statement written by hand"
)
SIMPLEJWT_IN_CACHE = _candidate(
    "simplejwt-in-cache", "Bearer", "CachedUser", "SimpleJWT's access token, its user from Django's cache for 30 s"
)
SIMPLEJWT_VERIFIED_ONCE = _candidate(
    "simplejwt-verified-once", "Bearer", "VerifiedOnce", "SimpleJWT's stateless class, each token verified once"
)
SIMPLEJWT_SQL_VERIFIED_ONCE = _candidate(
    "simplejwt-sql-verified-once", "Bearer", "SqlUserVerifiedOnce", "a statement written by hand, and verified once"
)

ALL = (
    DRF_TOKEN_SQL,
    DRF_TOKEN_IN_CACHE,
    SIMPLEJWT_SQL,
    SIMPLEJWT_IN_CACHE,
    SIMPLEJWT_VERIFIED_ONCE,
    SIMPLEJWT_SQL_VERIFIED_ONCE,
)

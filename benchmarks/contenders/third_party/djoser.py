"""djoser: endpoints for accounts, without an authentication class of its own.

Its token endpoints make DRF's tokens, which DRF's TokenAuthentication reads: the row `drf-token`.
Its JWT endpoints are SimpleJWT's views: the rows `simplejwt` and `simplejwt-stateless`. So this
contender is `drf-token` with a token that djoser made, and a run with both must find no difference.
"""

from benchmarks.contenders.candidate import Candidate
from config.schemes import SCHEMES

DJOSER = Candidate(
    name="djoser",
    keyword="Token",
    authentication=SCHEMES["drf-token"].authentication,
    issue="benchmarks.contenders.third_party.djoser.issue",
    summary="djoser: DRF's opaque token, made by djoser",
    package="djoser",
    apps=("djoser",),
)


def issue(user) -> str:
    from djoser.utils import login_user

    return login_user(None, user).key

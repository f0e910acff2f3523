"""django-rest-knox: opaque tokens, stored as SHA-512 digests, found by 15 characters."""

from benchmarks.contenders.candidate import Candidate

KNOX = Candidate(
    name="knox",
    keyword="Token",
    authentication="knox.auth.TokenAuthentication",
    issue="benchmarks.contenders.third_party.knox.issue",
    summary="django-rest-knox: opaque token, digest at rest, many for each user, expiry",
    package="django-rest-knox",
    apps=("knox",),
)


def issue(user) -> str:
    """Return the only token of `user`: knox reads all of a user's tokens on each request."""
    from knox.models import AuthToken

    AuthToken.objects.filter(user=user).delete()
    _, token = AuthToken.objects.create(user)
    return token

"""django-rest-knox: opaque tokens of which the table keeps a SHA-512 digest, found by their first 15 characters."""

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
    """The only token of `user`: knox reads all of them on each request, so that another one is another cost."""
    from knox.models import AuthToken

    AuthToken.objects.filter(user=user).delete()
    _, token = AuthToken.objects.create(user)
    return token

"""django-tokenforge: its own format, signed with HMAC-SHA256; users in the cache."""

import secrets

from benchmarks.contenders.candidate import Candidate

TOKENFORGE = Candidate(
    name="tokenforge",
    keyword="Bearer",
    authentication="tokenforge.security.authentication.BearerTokenAuthentication",
    issue="benchmarks.contenders.third_party.tokenforge.issue",
    summary="django-tokenforge: token signed with HMAC-SHA256, user from the cache for 5 minutes",
    package="django-tokenforge",
    apps=("tokenforge",),
    settings=lambda: {
        "TOKENFORGE": {
            "ACCESS_TOKEN_SIGNING_KEY": secrets.token_urlsafe(48),
            "ACCESS_TOKEN_LIFETIME_SECONDS": 24 * 60 * 60,
        },
        "TOKENFORGE_TOKEN_MODEL": "tokenforge.RefreshToken",  # its migration reads it, and has no default
    },
)


def issue(user) -> str:
    from tokenforge.tokens import AccessToken

    token, _ = AccessToken.create(user_id=user.pk)
    return token

"""django-oauth-toolkit: an OAuth 2.0 authorization server.

Its access tokens are rows, found by a SHA-256 digest.
"""

from datetime import timedelta

from benchmarks.contenders.candidate import Candidate

OAUTH_TOOLKIT = Candidate(
    name="oauth-toolkit",
    keyword="Bearer",
    authentication="oauth2_provider.contrib.rest_framework.OAuth2Authentication",
    issue="benchmarks.contenders.third_party.oauth_toolkit.issue",
    summary="django-oauth-toolkit: OAuth 2.0 access token in the database; token, application and user in one query",
    package="django-oauth-toolkit",
    apps=("oauth2_provider",),
)


def issue(user) -> str:
    """Return an access token with one scope, stored as the authorization code grant stores it."""
    from django.utils import timezone
    from oauth2_provider.models import AccessToken, Application
    from oauthlib.common import generate_token

    application, _ = Application.objects.get_or_create(
        name="benchmarks",
        defaults={
            "client_type": Application.CLIENT_PUBLIC,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "redirect_uris": "https://client.example/",
        },
    )
    token = AccessToken.objects.create(
        user=user,
        application=application,
        token=generate_token(),
        expires=timezone.now() + timedelta(days=1),
        scope="read",
    )
    return token.token

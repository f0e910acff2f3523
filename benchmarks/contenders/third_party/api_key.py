"""djangorestframework-api-key: a key of a machine, checked by a permission class.

There is no authentication class and no user: `/whoami/` names nobody, and the proof asks for
exactly that, and for 403 without the key.
"""

from benchmarks.contenders.candidate import Candidate

API_KEY = Candidate(
    name="api-key",
    keyword="Api-Key",
    authentication="",
    permission="rest_framework_api_key.permissions.HasAPIKey",
    issue="benchmarks.contenders.third_party.api_key.issue",
    summary="djangorestframework-api-key: key without a user, digest at rest, checked by a permission class",
    refusal=403,
    package="djangorestframework-api-key",
    apps=("rest_framework_api_key",),
)


def issue(user) -> str:
    """Return a new key, which belongs to nobody."""
    from rest_framework_api_key.models import APIKey

    _, key = APIKey.objects.create_key(name="benchmarks")
    return key

"""A permission class, of a library without an authentication class: it lets in a key, no user."""

from rest_framework.permissions import BasePermission

from benchmarks.contenders.candidate import Candidate

KEY = Candidate(
    name="key",
    keyword="Key",
    authentication="",
    permission=f"{__name__}.HasKey",
    issue=f"{__name__}.issue",
    summary="",
    refusal=403,
)


class HasKey(BasePermission):
    def has_permission(self, request, view):
        return request.headers.get("Authorization") == "Key correct"


def issue(user) -> str:
    return "correct"

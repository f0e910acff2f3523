"""`jwt-stateless` with a look into a Token Status List, as an authentication class."""

from typing import Any

from rest_framework_simplejwt.exceptions import TokenError

from benchmarks.questions.proposals.status_list.lists import ListError, Remembered
from jwt_auth import issue
from jwt_auth.authentication import JWTStatelessUserAuthentication
from jwt_auth.tokens import AccessToken


class ListedToken(AccessToken):
    """An access token whose `status` names its place in a list.

    A verified token has it as `idx` and `uri`: the memo keeps no nested claims.
    """

    def verify(self) -> None:
        super().verify()
        try:
            place = self.payload.pop("status")["status_list"]
            index, uri = place["idx"], place["uri"]
        except (KeyError, TypeError):
            raise TokenError("Token is in no status list") from None
        if type(index) is not int or not isinstance(uri, str):
            raise TokenError("Token has no usable place in a status list")
        self.payload |= {"idx": index, "uri": uri}


def issue_listed(user: Any, index: int, uri: str) -> str:
    """Return the access token of a new login with this place in the list."""
    token = AccessToken(issue.jwt(user))
    token.payload["status"] = {"status_list": {"idx": index, "uri": uri}}
    return str(token)


class StatusListAuthentication(JWTStatelessUserAuthentication):
    """The access token without a query, unless the list says that it is revoked."""

    token_class = ListedToken
    statuses: Remembered
    uri: str

    def get_user(self, validated_token):
        claims = validated_token.payload
        try:
            if claims["uri"] != self.uri or self.statuses.is_revoked(claims["idx"]):
                raise TokenError("Token is revoked")
        except ListError as error:
            raise TokenError(f"Token has no known status: {error}") from error
        return super().get_user(validated_token)

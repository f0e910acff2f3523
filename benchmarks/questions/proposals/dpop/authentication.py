"""`jwt` with access tokens that are bound to a key (RFC 9449 7), as an authentication class."""

import time
from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError

from auth_core.credentials import credential
from benchmarks.questions.proposals.dpop.proofs import Client, Nonces, ProofError, thumbprint, verify
from benchmarks.questions.proposals.dpop.stores import Store, name_of
from jwt_auth import issue
from jwt_auth.authentication import JWTAuthentication
from jwt_auth.tokens import AccessToken


class BoundToken(AccessToken):
    """An access token whose `cnf` names a key by its thumbprint.

    A verified token has it as `jkt`: the memo of verified tokens keeps no nested claims, and
    without the memo each request would verify the signature again.
    """

    def verify(self) -> None:
        super().verify()
        confirmation = self.payload.pop("cnf", None)
        if not isinstance(confirmation, dict) or not isinstance(confirmation.get("jkt"), str):
            raise TokenError("Token is bound to no key")
        self.payload["jkt"] = confirmation["jkt"]


def issue_bound(user: Any, client: Client) -> str:
    """Return the access token of a new login that only this client can use."""
    token = AccessToken(issue.jwt(user))
    token.payload["cnf"] = {"jkt": thumbprint(client.jwk)}
    return str(token)


class DPoPAuthentication(JWTAuthentication):
    """The access token of `jwt` and a proof for each request; subclasses have a store.

    It hands out no nonce: that is a header of the answer, which a middleware would add.
    """

    keyword = "DPoP"
    token_class = BoundToken
    store: Store | None = None
    nonces: Nonces | None = None

    def authenticate(self, request):
        accepted = super().authenticate(request)
        if accepted is None:
            return None
        try:
            self._check(request, accepted[1])
        except ProofError as error:
            raise AuthenticationFailed(f"invalid_dpop_proof: {error}") from error
        return accepted

    def _check(self, request, token: BoundToken):
        text = request.META.get("HTTP_DPOP")
        if text is None:
            raise ProofError("there is none")
        raw_token = credential(request, self.keyword)
        proof = verify(text, request.method, request.build_absolute_uri(request.path), raw_token)
        if proof.jkt != token.payload["jkt"]:
            raise ProofError("its key is not the one that the access token is bound to")
        if self.nonces is not None and not self.nonces.accepts(proof.nonce, time.time()):
            raise ProofError("use_dpop_nonce")
        if self.store is not None and not self.store.claim(name_of(proof), proof.expires):
            raise ProofError("it was used before")

"""What drf-spectacular writes about our classes, by the name that it gives to SimpleJWT's own.

Its extension for DRF's TokenAuthentication also finds the classes of tokens/, which derive from it.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object

from auth_core.credentials import first


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of a document whose project has no extension of its own for the class."""

    target_class = "jwt_auth.authentication.JWTAuthentication"
    match_subclasses = True
    name = "jwtAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return build_bearer_security_scheme_object("Authorization", first(self.target.keyword), bearer_format="JWT")

"""Names each row of the scheme table in the OpenAPI document (drf-spectacular calls two of them the same)."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object

from config.schemes import SCHEMES, Scheme


def _extension(scheme: Scheme):
    def get_security_definition(self, auto_schema):
        definition = build_bearer_security_scheme_object("Authorization", scheme.keyword, bearer_format="JWT")
        description = f"{scheme.summary}. `Authorization: {scheme.keyword} <credential>`"
        return {**definition, "description": description}

    return type(
        f"{scheme.name} extension",
        (OpenApiAuthenticationExtension,),
        {
            "target_class": scheme.authentication,
            "priority": 1,  # before drf-spectacular's own for the stock classes
            "name": scheme.name,
            "get_security_definition": get_security_definition,
        },
    )


EXTENSIONS = [_extension(scheme) for scheme in SCHEMES.values()]

"""Names each row of the scheme table in the OpenAPI document (drf-spectacular calls two of them the same)."""

from django.utils.module_loading import import_string
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object

from config.schemes import SCHEMES, Scheme


def _extension(scheme: Scheme):
    authentication = import_string(scheme.authentication)

    def get_security_definition(self, auto_schema):
        definition = build_bearer_security_scheme_object("Authorization", scheme.keyword, bearer_format="JWT")
        description = f"{scheme.summary}. `Authorization: {scheme.keyword} <credential>`"
        return {**definition, "description": description}

    return type(
        f"{scheme.name} extension",
        (OpenApiAuthenticationExtension,),
        {
            "target_class": authentication,
            # SERVER_TIMING puts a subclass in the class's place, and rows are subclasses of other rows:
            # the most derived class that matches is the one meant.
            "match_subclasses": True,
            "priority": len(authentication.__mro__),
            "name": scheme.name,
            "get_security_definition": get_security_definition,
        },
    )


EXTENSIONS = [_extension(scheme) for scheme in SCHEMES.values()]

"""Add to drf-spectacular's schema what it does not know: the schemes' names, and the errors."""

from drf_spectacular import openapi
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent, build_bearer_security_scheme_object
from rest_framework.mixins import CreateModelMixin, UpdateModelMixin
from rest_framework.permissions import SAFE_METHODS, BasePermission

from auth_core.bodies import KnownNamesMixin
from auth_core.scopes import HasScope, needed_for
from auth_core.throttling import PasswordThrottleMixin, RefusalThrottleMixin
from config.schemes import SCHEMES, Scheme


def _extension(scheme: Scheme, priority: int):
    def get_security_definition(self, auto_schema):
        if type(self.target) is not self.target_class:  # an instrumented class, which has its row's name
            set_override(type(self.target), "suppress_collision_warning", True)
        definition = build_bearer_security_scheme_object("Authorization", scheme.keyword, bearer_format="JWT")
        description = f"{scheme.summary}. `Authorization: {scheme.keyword} <credential>`"
        return {**definition, "description": description}

    def get_security_requirement(self, auto_schema):
        # OpenAPI 3.1: the list may name roles also for schemes other than OAuth's.
        is_limited = scheme.scoped and asks_for_scope(auto_schema.view)
        return {scheme.name: [needed_for(auto_schema.method)] if is_limited else []}

    return type(
        f"{scheme.name} extension",
        (OpenApiAuthenticationExtension,),
        {
            "target_class": scheme.authentication,
            "match_subclasses": True,  # of telemetry/instrumented.py
            "priority": priority,
            "name": scheme.name,
            "get_security_definition": get_security_definition,
            "get_security_requirement": get_security_requirement,
        },
    )


# drf-spectacular's own extensions have priority 0 or less. A row's class may derive from an earlier
# row's, so later rows have priority.
EXTENSIONS = [_extension(scheme, position) for position, scheme in enumerate(SCHEMES.values(), 1)]


class _MetricsExtension(OpenApiAuthenticationExtension):
    target_class = "telemetry.metrics_view.ScrapeAuthentication"
    name = "metrics"

    def get_security_definition(self, auto_schema):
        definition = build_bearer_security_scheme_object("Authorization", "Bearer")
        return {**definition, "description": "The switch METRICS_TOKEN. `Authorization: Bearer <METRICS_TOKEN>`"}


_TEXT = {"type": "string"}
_ERROR = {
    "type": "object",
    "properties": {"detail": _TEXT, "code": {**_TEXT, "description": "A code for programs, where there is one."}},
    "required": ["detail"],
    "additionalProperties": False,
}
_INVALID = {
    "type": "object",
    "properties": {
        # A list if a client sent an unknown field that is called `detail`.
        "detail": {
            "type": ["string", "array"],
            "items": _TEXT,
            "description": "What is wrong with the body as a whole.",
        }
    },
    "additionalProperties": {"type": "array", "items": _TEXT, "description": "What is wrong with this field."},
    "minProperties": 1,
}
_RETRY_AFTER = {"Retry-After": {"required": True, "schema": {"type": "integer"}, "description": "Seconds."}}

# The limits of a form's field, and their names in JSON Schema.
_LIMITS = {"max_length": "maxLength", "min_value": "minimum", "max_value": "maximum"}

# The name, description, body and headers of the response with each status.
_ERRORS = {
    "400": ("Invalid", "The body or a parameter is invalid.", _INVALID, {}),
    "401": (
        "Unauthorized",
        "The request has no accepted credential.",
        _ERROR,
        {
            "WWW-Authenticate": {
                "required": True,
                "schema": _TEXT,
                "description": "A challenge for each enabled scheme.",
            }
        },
    ),
    "403": (
        "Forbidden",
        "The object belongs to somebody else, the credential's scope does not cover the request, or a page of another "
        "origin sent the refresh cookie.",
        _ERROR,
        {"WWW-Authenticate": {"schema": _TEXT, "description": "For a scope: the scope that the request needs."}},
    ),
    "404": ("NotFound", "The object or page does not exist.", _ERROR, {}),
    "409": ("Conflict", "Another request has changed or deleted what this one refers to.", _ERROR, {}),
    "413": ("ContentTooLarge", "The body is larger than 256 kB.", _ERROR, {}),
    "415": ("UnsupportedMediaType", "The body has an unsupported media type, charset or content coding.", _ERROR, {}),
    "429": ("Throttled", "Too many attempts.", _ERROR, _RETRY_AFTER),
    "503": ("Unavailable", "The database or the cache is not available.", _ERROR, _RETRY_AFTER),
}


class AutoSchema(openapi.AutoSchema):
    """A schema with the errors of each operation, derived from the classes of its view."""

    def _get_response_bodies(self, direction="response"):
        responses = super()._get_response_bodies(direction)
        for status in {*self._errors(), *(_ERRORS.keys() & responses)}:
            responses[status] = self._error(status) | responses.get(status, {})
        return dict(sorted(responses.items()))

    def _get_filter_parameters(self):
        """Return the parameters with their filters' limits. A form sends empty ones too."""
        filters = getattr(getattr(self.view, "filterset_class", None), "base_filters", {})
        parameters = super()._get_filter_parameters()
        for parameter in parameters:
            schema, options = parameter["schema"], filters[parameter["name"]].extra
            limits = {word: options[name] for name, word in _LIMITS.items() if name in options}
            schema.get("items", schema).update(limits)
            if schema["type"] == "array":
                parameter["schema"] = getattr(filters[parameter["name"]], "schema", schema)
                parameter["explode"] = True  # as client generators send it; commas work too
            parameter["allowEmptyValue"] = True
        return parameters

    def _map_basic_serializer(self, serializer, direction):
        """Return the schema, without additional properties where KnownNamesMixin refuses them."""
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "request" and isinstance(self.view, KnownNamesMixin):
            schema["additionalProperties"] = False
        return schema

    def _errors(self):
        view, is_safe = self.view, self.method in SAFE_METHODS
        takes_body = not is_safe and self._get_request_body() is not None
        refuses_names = isinstance(view, KnownNamesMixin) and self.method in view.changing_methods
        asks_who = bool(view.get_authenticators())
        if takes_body or refuses_names or self._get_filter_parameters():
            yield "400"
        if asks_for_scope(view):
            yield "403"
        if asks_who or hasattr(view, "www_authenticate_realm"):  # SimpleJWT's views of tokens in bodies
            yield "401"
        if "{" in self.path:
            yield "404"
            if not is_safe and is_for_some(view):
                yield "403"
        elif self._is_list_view() and self._get_paginator():
            yield "404"  # for a page that does not exist
        if isinstance(view, CreateModelMixin | UpdateModelMixin) and takes_body:
            yield "409"
        if takes_body or refuses_names:
            yield from ("413", "415")
        if isinstance(view, PasswordThrottleMixin | RefusalThrottleMixin):
            yield "429"
        if asks_who or takes_body:
            yield "503"

    def _error(self, status: str) -> dict:
        name, description, schema, headers = _ERRORS[status]
        body = self._component(ResolvedComponent.SCHEMA, "Invalid" if schema is _INVALID else "Error", schema)
        content = {"content": {"application/json": {"schema": body}}, "description": description}
        return self._component(
            ResolvedComponent.RESPONSE, name, {**content, "headers": headers} if headers else content
        )

    def _component(self, kind: str, name: str, schema: dict) -> dict:
        component = ResolvedComponent(name=name, type=kind, schema=schema, object=name)
        self.registry.register_on_missing(component)
        return component.ref


def is_for_some(view) -> bool:
    """Return True if a permission of the view looks at the object."""
    own = (type(permission).has_object_permission for permission in view.get_permissions())
    return any(look is not BasePermission.has_object_permission for look in own)


def asks_for_scope(view) -> bool:
    """Return True if a credential needs the scope that the method of the request asks for."""
    return any(isinstance(permission, HasScope) for permission in view.get_permissions())

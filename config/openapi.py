"""Add to drf-spectacular's schema what it does not know: schemes' names, errors, summaries.

config/openapi_hook.py then goes over the finished document.
"""

import re

from drf_spectacular import openapi
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent, build_bearer_security_scheme_object
from rest_framework.mixins import CreateModelMixin, UpdateModelMixin
from rest_framework.permissions import SAFE_METHODS, BasePermission

from auth_core.bodies import KnownNamesMixin
from auth_core.conf import conf
from auth_core.schemes import enabled_scheme, scheme_of
from auth_core.scopes import HasScope, needed_for
from auth_core.throttling import PasswordThrottleMixin, RefusalThrottleMixin
from config.schemes import SCHEMES, Scheme

# What to type, by the type of the security scheme. OpenAPI has no type for the keyword `Token`.
_HOW = {
    "apiKey": (
        "The header is `Authorization: {keyword} <token>`. On the page `/docs/`, type the token alone. In a "
        "generated client the value of this API key is `{keyword} <token>`: the word, one blank and the token."
    ),
    "http": (
        "The header is `Authorization: {keyword} <access token>`. Type the access token alone, on the page `/docs/` "
        "and in a generated client: both send `{keyword}` before it."
    ),
}


def _extension(scheme: Scheme, priority: int):
    def get_security_definition(self, auto_schema):
        if type(self.target) is not self.target_class:  # an instrumented class, which has its row's name
            set_override(type(self.target), "suppress_collision_warning", True)
        definition = build_bearer_security_scheme_object("Authorization", scheme.keyword, bearer_format="JWT")
        how = _HOW[definition["type"]].format(keyword=scheme.keyword)
        return {**definition, "description": f"{scheme.summary}.\n\n{how}"}

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
_PROBLEM = {
    "type": "object",
    "properties": {"detail": _TEXT, "code": {**_TEXT, "description": "A code for programs, where there is one."}},
    "required": ["detail"],
    "additionalProperties": False,
}
_REFUSED = {
    "type": "object",
    "properties": {
        # A list if a client sent an unknown field that is called `detail`.
        "detail": {
            "anyOf": [_TEXT, {"type": "array", "items": _TEXT}],
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
    "400": ("Invalid", "The body or a parameter is invalid.", _REFUSED, {}),
    "401": (
        "Unauthorized",
        "The request has no accepted credential.",
        _PROBLEM,
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
        _PROBLEM,
        {"WWW-Authenticate": {"schema": _TEXT, "description": "For a scope: the scope that the request needs."}},
    ),
    "404": ("NotFound", "The object or page does not exist.", _PROBLEM, {}),
    "406": ("NotAcceptable", "The service has no answer of a type that the header Accept names.", _PROBLEM, {}),
    "409": ("Conflict", "Another request has changed or deleted what this one refers to.", _PROBLEM, {}),
    "413": ("ContentTooLarge", "The body is larger than 256 kB.", _PROBLEM, {}),
    "415": ("UnsupportedMediaType", "The body has an unsupported media type, charset or content coding.", _PROBLEM, {}),
    "429": ("Throttled", "Too many attempts.", _PROBLEM, _RETRY_AFTER),
    "503": ("Unavailable", "The database or the cache is not available.", _PROBLEM, _RETRY_AFTER),
}


# A viewset has one docstring for all its actions.
ACTIONS = {
    "list": "List, filter, search, order and page {}s",
    "create": "Create a {}",
    "retrieve": "Read a {}",
    "update": "Replace a {}",
    "partial_update": "Change a {}",
    "destroy": "Delete a {}",
}

# The tag of a library's view, by the first part of its path.
_TAGS = {"api-token-auth": "token", "api": "jwt"}


class AutoSchema(openapi.AutoSchema):
    """A schema with the errors of each operation, derived from the classes of its view."""

    def get_summary(self):
        """Return what the viewset's action does, or the first sentence of the docstring."""
        action = getattr(self.view, "action", None)
        if action in ACTIONS:
            return ACTIONS[action].format(self.get_tags()[0].removesuffix("s"))
        return self._sentences()[0] or self.get_operation_id().replace("_", " ").capitalize()

    def get_description(self):
        """Return the docstring without the sentence of the summary, unless it is the only one."""
        first, rest = self._sentences()
        return rest or first

    def get_tags(self):
        first = self.path.strip("/").partition("/")[0]
        return [_TAGS.get(first, first or "service")]

    def get_auth(self):
        """Return the requirements by the names of the enabled rows.

        The endpoints of a scheme name one class, and the row that is enabled may have another.
        """
        requirements = super().get_auth()
        if not self.view.get_permissions():
            requirements = []  # anyone is let in: the libraries' logins
        if not hasattr(self.view, "kind"):
            return requirements
        names = {scheme_of(type(each)): _enabled(type(each)) for each in self.view.get_authenticators()}
        optional = getattr(self.view, "optional_authentication_classes", ())
        return [
            *({names.get(name, name): scopes for name, scopes in each.items()} for each in requirements),
            *({_enabled(cls): []} for cls in optional),
            *([{}] if optional else []),
        ]

    def _sentences(self) -> tuple[str, str]:
        """Return the first sentence of the docstring, without its full stop, and the rest."""
        first, _, rest = super().get_description().partition("\n\n")
        first, *more = re.split(r"(?<=\.)\s+", " ".join(first.split()), maxsplit=1)
        return first.removesuffix("."), "\n\n".join(filter(None, [*more, rest]))

    def _get_response_bodies(self, direction="response"):
        responses = super()._get_response_bodies(direction)
        for status in {*self._errors(), *(_ERRORS.keys() & responses)}:
            stated = responses.get(status, {})  # a view that describes its own body keeps it
            responses[status] = stated if "content" in stated else self._error(status) | stated
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
        """Return the schema, without additional properties where KnownNamesMixin refuses them.

        An answer holds every field and no default. Fields that it may leave out stand in the
        serializer's `optional_in_answers`, and fields that a switch has turned off in its
        `undocumented`.
        """
        schema = super()._map_basic_serializer(serializer, direction)
        for name in getattr(serializer, "undocumented", ()):
            schema["properties"].pop(name, None)
        if direction == "request" and isinstance(self.view, KnownNamesMixin):
            schema["additionalProperties"] = False
        if direction == "response" and "properties" in schema:
            properties = schema["properties"]
            schema["required"] = sorted(properties.keys() - set(getattr(serializer, "optional_in_answers", ())))
            schema["properties"] = {name: _without_default(each) for name, each in properties.items()}
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
        if conf.JWT_REFRESH_COOKIE and hasattr(view, "checks_origin"):
            yield "403"
        if "{" in self.path:
            yield "404"
            if not is_safe and is_for_some(view):
                yield "403"
        elif self._is_list_view() and self._get_paginator():
            yield "404"  # for a page that does not exist
        if is_safe and not asks_who:
            yield "406"  # every view may answer so; it is named where hardly any other error is
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
        body = self._component(ResolvedComponent.SCHEMA, "Refused" if schema is _REFUSED else "Problem", schema)
        content = {"content": {"application/json": {"schema": body}}, "description": description}
        return self._component(
            ResolvedComponent.RESPONSE, name, {**content, "headers": headers} if headers else content
        )

    def _component(self, kind: str, name: str, schema: dict) -> dict:
        component = ResolvedComponent(name=name, type=kind, schema=schema, object=name)
        self.registry.register_on_missing(component)
        return component.ref


def _without_default(schema: dict) -> dict:
    return {word: value for word, value in schema.items() if word != "default"}


def _enabled(cls: type) -> str | None:
    """Return the name of the enabled row whose credentials are those of this class, or its own."""
    attribute = "service" if hasattr(cls, "service") else "kind"
    return enabled_scheme(attribute, getattr(cls, attribute, None)) or scheme_of(cls)


def is_for_some(view) -> bool:
    """Return True if a permission of the view looks at the object."""
    own = (type(permission).has_object_permission for permission in view.get_permissions())
    return any(look is not BasePermission.has_object_permission for look in own)


def asks_for_scope(view) -> bool:
    """Return True if a credential needs the scope that the method of the request asks for."""
    return any(isinstance(permission, HasScope) for permission in view.get_permissions())

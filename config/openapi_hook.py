"""Go over the finished OpenAPI document, for linters, client generators and Swagger UI."""

from config.demo import DEMO, DEMO_PASSWORD

TAGS = {
    "tracks": "The catalogue of tracks.",
    "token": "Opaque tokens: log in, rotate, revoke.",
    "jwt": "JSON Web Tokens: log in, refresh, verify, log out.",
    "service": "What this service is, who you are, and whether it works.",
}

_LOGIN = {"username": DEMO, "password": DEMO_PASSWORD}
_LABELLED = {**_LOGIN, "label": "Swagger UI"}
_PASTE = "paste the {} token of a login here"
_TRACK = {
    "title": "Overture",
    "album": "2112",
    "artist": "Rush",
    "genre": "Rock",
    "composer": "Geddy Lee, Alex Lifeson, Neil Peart",
    "duration_ms": 272_000,
}

# A body for each component of requests. `make run` serves a database where they work as they are;
# only a token has to be pasted.
EXAMPLES = {
    "AuthTokenRequest": _LOGIN,
    "LabelledAuthTokenRequest": {**_LABELLED, "scope": "read write"},
    "RevokeRequest": {"everywhere": False},
    "ObtainPairRequest": _LABELLED,
    "TokenObtainPairRequest": _LOGIN,
    "RefreshRequest": {"refresh": _PASTE.format("refresh")},
    "TokenRefreshRequest": {"refresh": _PASTE.format("refresh")},
    "VerifyRequest": {"token": _PASTE.format("access or refresh")},
    "TokenVerifyRequest": {"token": _PASTE.format("access or refresh")},
    "LogoutRequest": {"everywhere": False},
    "TrackRequest": _TRACK,
    "PatchedTrackRequest": {"title": "Overture (live)"},
}


def finish(result, generator, request, public):
    """Return the document as its readers need it. drf-spectacular calls this last."""
    used = {"tags": set(), "schemes": set()}
    for path in result["paths"].values():
        for operation in path.values():
            _finish_operation(operation)
            used["tags"].update(operation["tags"])
            used["schemes"].update(name for each in operation["security"] for name in each)
    components = result.setdefault("components", {})
    schemes = components.get("securitySchemes", {})
    # A row that is not enabled may share its endpoints with one that is.
    components["securitySchemes"] = {name: each for name, each in schemes.items() if name in used["schemes"]}
    for schema in components.get("schemas", {}).values():
        # Generated clients send a default that the caller did not give, so that PATCH would erase
        # data. openapi-typescript also takes a field with a default for a required one.
        _drop(schema)
    order = [*TAGS, *sorted(used["tags"] - TAGS.keys())]
    result["tags"] = [{"name": tag, "description": TAGS.get(tag, "")} for tag in order if tag in used["tags"]]
    return result


def _finish_operation(operation: dict):
    """Leave bodies in JSON only, name the security, give an example, and make ids numbers."""
    # An explicit empty list, because generated clients take a missing one for the document's own.
    security = operation.get("security", [])
    operation["security"] = [] if security == [{}] else security
    content = operation.get("requestBody", {}).get("content", {})
    for media_type in content.keys() - {"application/json"}:
        del content[media_type]  # the service reads forms too; one way is enough for a generated client
    for body in content.values():
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        if name in EXAMPLES:
            body["example"] = EXAMPLES[name]
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if parameter["in"] == "path" and (schema["type"] == "integer" or schema.get("pattern") == "^[0-9]+$"):
            parameter["schema"] = {"type": "integer", "minimum": 1}


def _drop(schema: dict):
    """Remove default, readOnly and writeOnly: a component serves either requests or answers."""
    for word in ("default", "readOnly", "writeOnly"):
        schema.pop(word, None)
    if list(schema) == ["allOf"] and len(schema["allOf"]) == 1:
        schema |= schema.pop("allOf")[0]  # drf-spectacular wrapped a reference to add a word to it
    for each in schema.get("properties", {}).values():
        _drop(each)

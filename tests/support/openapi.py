"""The OpenAPI document under several choices of switches."""

import json
from functools import cache

from tests.support import servers

# Together they show every endpoint.
VARIANTS = {
    "default": {},
    "hashed and pushed": {
        "AUTH_SCHEMES": "token-hashed,jwt-pushed",
        "ANONYMOUS_READ": "on",
        "JWT_REFRESH_COOKIE": "on",
        "TOKEN_ROTATE_ON_GET": "on",
        "METRICS": "on",
        "METRICS_TOKEN": "m" * 32,
    },
    "cached and stateless": {"AUTH_SCHEMES": "token-cached,jwt-stateless"},
    "the libraries": {"AUTH_SCHEMES": "drf-token,simplejwt"},
}


@cache
def text_of(variant: str) -> str:
    """Return the document as JSON, as `manage.py spectacular` writes it."""
    done = servers.run("manage.py", "spectacular", "--format", "openapi-json", **VARIANTS[variant])
    assert done.returncode == 0, done.stderr
    return done.stdout


def document_of(variant: str) -> dict:
    """Return the document."""
    return json.loads(text_of(variant))


def operations(document: dict) -> dict[tuple[str, str], dict]:
    """Return the operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def reachable(document: dict, nodes) -> set[str]:
    """Return the names of the schemas that these nodes of the document refer to, at any depth."""
    found, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            if reference := node.get("$ref"):
                kind, name = reference.split("/")[-2:]
                if kind == "responses" or name not in found:
                    waiting.append(document["components"][kind][name])
                if kind == "schemas":
                    found.add(name)
    return found

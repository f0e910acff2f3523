"""The page of system checks and errors, read from the syntax trees of the service's modules."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from docs.reference.markdown import HEAD, code, table

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("auth_core", "config", "tokens", "jwt_auth", "tracks", "telemetry")


def checks_and_errors() -> str:
    """Return the page of system checks, and of the errors that a client can meet."""
    return (
        f"# Checks and errors\n\n{HEAD}\n"
        "This page is generated from the code by `make reference`. `{…}` stands for a value that the message names.\n\n"
        "## System checks\n\n"
        "An error (E) stops the service and every command at start-up; a warning (W) is logged. `--skip-checks` skips\n"
        "them, but the commands that cannot be undone do not have it. Where `config.E001` has `{error}`, it says what\n"
        "is allowed, as [switches](switches.md) does.\n\n"
        f"{table(('id', 'message', 'hint'), checks())}\n"
        "## Status codes of errors\n\n"
        'An error\'s body is JSON: `{"detail": "…"}`, or for status 400 a list of messages for each wrong field.\n\n'
        f"{table(('status', 'when', 'headers'), statuses())}\n"
        "## Errors by message\n\n"
        "Programs read the body's `code`. SimpleJWT's errors, `insufficient_scope` and `origin_refused` have one;\n"
        "other bodies have only `detail`. These are the errors of the service's own modules. Django REST framework\n"
        "adds its own for wrong fields, unknown paths and methods.\n\n"
        f"{table(('status', 'detail', 'code', 'raised in'), errors())}"
    )


def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of each module of the service by its dotted name."""
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text())
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if not {"migrations", "management"} & set(file.parts)
    }


def template(node: ast.expr | None) -> str | None:
    """Return a string or f-string as a template with values in braces, or None if it is neither."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "{" + value_name(part.value) + "}" for part in node.values
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_" and node.args:
        return template(node.args[0])
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        from rest_framework_simplejwt.serializers import TokenObtainSerializer

        return TokenObtainSerializer.default_error_messages.get(node.slice.value)
    return None


def value_name(node: ast.expr) -> str:
    """Return a short name for the value of an f-string."""
    if isinstance(node, ast.Name):
        return node.id
    return value_name(node.value) + "." + node.attr if isinstance(node, ast.Attribute) else "…"


def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    """Return the calls of names, and of names of modules, in a syntax tree."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(ast.unparse(node.func), node) for node in found if isinstance(node.func, ast.Name | ast.Attribute)]


CHECK_ID = re.compile(r"\b(?:config|tokens|jwt_auth|auth_core|tracks)\.[EW]\d{3}\b")


def checks() -> list[tuple[str, str, str]]:
    """Return (id, message, hint) of each check and of errors that stop start-up before them."""
    rows = set()
    for tree in modules().values():
        named = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        for name, call in calls(tree):
            if not re.search(r"(Error|Warning|ImproperlyConfigured)$", name):
                continue
            keywords = {
                keyword.arg: template(named.get(ast.unparse(keyword.value), keyword.value)) for keyword in call.keywords
            }
            texts = [text for text in map(template, call.args) if text]
            found = CHECK_ID.search(" ".join(filter(None, [keywords.get("id"), *texts])))
            message = next((text for text in reversed(texts) if not CHECK_ID.fullmatch(text)), None)
            if name == "SwitchError" and message and not found:
                rows.add(("config.E001", message, ""))
            elif found and message:
                rows.add((found[0], message.replace(f" ({found[0]})", ""), keywords.get("hint") or ""))
    missing = {i for tree in modules().values() for i in CHECK_ID.findall(ast.unparse(tree))} - {row[0] for row in rows}
    if missing:
        sys.exit(f"docs/reference/checks_and_errors.py finds no message of {', '.join(sorted(missing))}")
    return [(code(check), message, hint) for check, message, hint in sorted(rows)]


def statuses() -> list[tuple[str, str, str]]:
    """Return (status, when, headers) of the errors in the OpenAPI document."""
    from config.openapi import _ERRORS

    return [(status, when, ", ".join(map(code, headers))) for status, (_, when, _, headers) in _ERRORS.items()]


def errors() -> list[tuple[str, str, str, str]]:
    """Return (status, detail, code, module) of each error that the service can answer with."""
    files: dict[tuple[str, str, str], set[str]] = {}
    for dotted, tree in modules().items():
        if dotted == "config.wsgi":  # starts the service
            continue
        names = vars(import_module(dotted.removesuffix(".__init__")))
        found = [answer for name, call in calls(tree) for answer in answers(name, call, names)]
        found += [
            (cls.status_code, str(cls.default_detail), "")
            for cls in names.values()
            if inspect.isclass(cls) and cls.__module__ == dotted and "default_detail" in vars(cls)
        ]
        for status, detail, shown in found:
            row = (str(status), detail, shown and code(shown))
            files.setdefault(row, set()).add(code(dotted.replace(".", "/") + ".py"))
    return [(*row, ", ".join(sorted(files[row]))) for row in sorted(files)]


def answers(name: str, call: ast.Call, names: dict) -> Iterator[tuple[int, str, str]]:
    """Yield (status, detail, code) of the errors that a call creates; `names` are its module's."""
    from rest_framework.exceptions import APIException, ValidationError
    from rest_framework_simplejwt.exceptions import DetailDictMixin, InvalidToken, TokenBackendError, TokenError

    from auth_core.origins import OriginRefused
    from auth_core.scopes import InsufficientScope
    from tokens.hashed import TokenLimitError
    from tokens.hashed_views import TooManyTokens

    if name == "JsonResponse":
        statuses = [keyword.value for keyword in call.keywords if keyword.arg == "status"]
        details = texts_in(call.args[0])
        if details and statuses and isinstance(statuses[0], ast.Constant):
            yield statuses[0].value, details[-1], ""
        return
    module, _, last = name.rpartition(".")
    error = getattr(names.get(module), last, None) if module else names.get(name)
    if inspect.isfunction(error):
        error = error.__annotations__.get("return")
    if not inspect.isclass(error):
        return
    texts = texts_in(call.args[0]) if call.args else []
    # A view catches these and raises the other with the same text.
    for caught, raised in (
        (TokenLimitError, TooManyTokens),
        (TokenError, InvalidToken),
        (TokenBackendError, InvalidToken),
    ):
        error = raised if issubclass(error, caught) else error
    if not issubclass(error, APIException):
        return
    shown = error.default_code if issubclass(error, DetailDictMixin | InsufficientScope | OriginRefused) else ""
    if texts:
        yield from ((error.status_code, text, shown) for text in texts)
    elif error.__module__ == APIException.__module__ and not issubclass(error, ValidationError):
        yield error.status_code, str(error.default_detail), shown


def texts_in(node: ast.expr) -> list[str]:
    """Return the sentences in an expression, for instance in a dictionary of errors."""
    text = template(node)
    if text is None:
        return [text for child in ast.iter_child_nodes(node) for text in texts_in(child)]
    return [text] if " " in text else []

"""Write the reference pages of this folder and llms.txt, or with --check refuse stale ones."""

import inspect
import json
import os
import re
import sys
from pathlib import Path

import click
import django

from benchmarks.results.schema import schema
from config.schemes import SCHEMES
from config.switches import SWITCHES, Switch
from docs.reference.checks_and_errors import checks_and_errors
from docs.reference.llms import llms
from docs.reference.markdown import HEAD, code, sentence, table, wrapped

ROOT = Path(__file__).parents[2]

# Texts that most switches refuse. The error says what is allowed.
PROBES = (
    "?",
    "",
    " ",
    "0",
    "1",
    "-1",
    "99999d",
    "9" * 6,
    " file:x",
    "sqlite://",
    "redis://h?x=1",
    "postgresql://h/n?x=1",
)


# --- switches ------------------------------------------------------------------------------------


def switches() -> str:
    """Return the page of switches."""
    rows = [
        (
            code(switch.name),
            code(switch.default) if switch.default else "not set",
            switch.effect,
            allowed(switch) + ("; never printed" if switch.secret else ""),
        )
        for switch in SWITCHES.values()
    ]
    return (
        f"# Switches\n\n{HEAD}\n"
        "This page is generated from `config/switches.py` by `make reference`. Each switch is an environment\n"
        "variable, or a line of the file that `ENV_FILE` names. An unknown name in that file and a value that is\n"
        "not allowed stop the service at start-up (`config.E001`). `NAME=` means the default.\n\n"
        f"{table(('switch', 'default', 'effect', 'allowed'), rows)}"
    )


def allowed(switch: Switch) -> str:
    """Return what the switch's own parser says it allows, when it refuses the probes."""
    texts: dict[str, None] = {}
    for probe in PROBES:
        try:
            switch.parse(probe)
        except ValueError as error:
            if match := re.search(
                r"(?:allowed(?: (?=options))?(?:,[^:]*)?|choose from):? ?(.*)", str(error), re.DOTALL
            ):
                texts[match[1]] = None
            elif str(error) == "it is blank":
                texts["any text that is not blank"] = None
    if switch.default == "none" and not any(text.startswith("none") for text in texts):
        texts = {"none": None, **texts}
    return "; ".join(texts) or "any text"


# --- endpoints -----------------------------------------------------------------------------------


def endpoints() -> str:
    """Return the page of endpoints: the common ones, then those that come with each scheme."""
    from django.urls import include, path, reverse

    from config import urls, views

    own = {scheme.urlconf for scheme in SCHEMES.values()}
    common = [p for p in urls.urlpatterns if getattr(getattr(p, "urlconf_name", None), "__name__", None) not in own]
    pages = [
        ("GET", reverse("schema"), sentence(views.SchemaView.__doc__), "anyone", "200"),
        ("GET", reverse("docs"), sentence(views.DocsView.__doc__), "anyone", "200"),
        ("GET", reverse("admin:index"), "Django's admin.", "staff, by a session", "200 302"),
    ]
    parts = ["## With every scheme\n\n" + endpoint_table([*operations(common), *pages])]
    for urlconf in dict.fromkeys(scheme.urlconf for scheme in SCHEMES.values()):
        if urlconf is None:
            continue
        names = [name for name, scheme in SCHEMES.items() if scheme.urlconf == urlconf]
        is_stock = all(SCHEMES[name].is_stock for name in names)
        title = f"## {', '.join(f'`{name}`' for name in names)}\n\n"
        summaries = "".join(f"- `{name}`: {SCHEMES[name].summary}.\n" for name in names)
        parts.append(
            f"{title}{summaries}\n" + endpoint_table(operations([path("", include(urlconf))], is_stock=is_stock))
        )
    return (
        f"# Endpoints\n\n{HEAD}\n"
        "This page is generated from the URLconf and the OpenAPI document by `make reference`. `AUTH_SCHEMES` decides\n"
        "which schemes are enabled, and each brings its endpoints. `GET /` lists those that a running service has.\n"
        "Column *answers* has the status codes; [checks and errors](checks-and-errors.md) says what each error means.\n"
        "`/metrics/` exists with `METRICS=on`. `GET /api-token-auth/new/` exists with `TOKEN_ROTATE_ON_GET=on`.\n"
        "`ANONYMOUS_READ=on` lets anyone read `/tracks/`. A *scope* is asked of a credential that has one: a token of\n"
        "`token-hashed`, or an access token with the claim `scope`.\n\n" + "\n".join(parts)
    )


def endpoint_table(rows: list[tuple[str, ...]]) -> str:
    """Return the table of some operations."""
    rows = [(f"`{method} {path}`", *rest) for method, path, *rest in rows]
    return table(("method and path", "what it does", "who may call", "answers"), rows)


def operations(patterns: list, is_stock: bool = False) -> list[tuple[str, ...]]:
    """Return (method, path, what, who, answers) for each operation behind `patterns`."""
    from drf_spectacular.generators import SchemaGenerator

    generator = SchemaGenerator(patterns=patterns)
    document = generator.get_schema(public=True)
    views = {
        (path.replace("{pk}", "{id}"), method.lower()): view
        for path, _, method, view in generator._get_paths_and_endpoints()
    }
    return [
        (
            method.upper(),
            path,
            what(operation, views[path, method], is_stock),
            who(operation, document, path, method, views[path, method]),
            " ".join(operation["responses"]),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def what(operation: dict, view, is_stock: bool) -> str:
    """Return a sentence about an operation."""
    if is_stock:
        return f"`{type(view).__module__}.{type(view).__name__}`, untouched."
    return f"{operation['summary']}." if getattr(view, "action", None) else sentence(type(view).__doc__)


def who(operation: dict, document: dict, path: str, method: str, view) -> str:
    """Return what a request needs to be let in."""
    from auth_core.scopes import READ, needed_for
    from config.openapi import asks_for_scope, is_for_some

    reference = next(iter(operation.get("requestBody", {}).get("content", {"": {}}).values())).get("schema", {})
    body = document["components"].get("schemas", {}).get(reference.get("$ref", "").rpartition("/")[2], {})
    secrets = [name for name in body.get("properties", {}) if name in ("username", "password", "refresh", "token")]
    security = operation.get("security", [])
    names = {name for requirement in security for name in requirement}
    if secrets or not names:
        also = ", or with an access token" if names else ""
        return f"anyone with {' and '.join(map(code, secrets))}{also}" if secrets else "anyone"
    if names == {"metrics"}:
        return "`METRICS_TOKEN`, as a Bearer token"
    credential = f"a credential of {'its' if len(names) == 1 else 'an enabled'} scheme"
    needed = needed_for(method.upper())
    scope = f", scope `{needed}`" if asks_for_scope(view) else ""
    is_owned = "{" in path and needed != READ and is_for_some(view)
    return credential + scope + (", of the owner or staff" if is_owned else "")


# --- the lab's commands --------------------------------------------------------------------------


def lab_commands() -> str:
    """Return the page of the lab's commands."""
    from benchmarks.__main__ import main

    parts, overview = [], []
    commands = {name: main.get_command(None, name) for name in main.list_commands(None)}
    for group in [name for name, each in commands.items() if isinstance(each, click.Group)]:
        commands |= {f"{group} {name}": each for name, each in commands[group].commands.items()}
    for name, command in sorted(commands.items(), key=lambda each: list(commands).index(each[0].partition(" ")[0])):
        context = click.Context(command, info_name=f"python -m benchmarks {name}")
        question, _, rest = inspect.cleandoc(command.help).partition("\n\n")
        overview.append((f"[`{name}`](#{name.replace(' ', '-')})", sentence(question)))
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        parts.append(
            f"## {name}\n\n{sentence(question)}\n\n    {usage}\n\n{paragraphs(rest)}{options(command, context)}"
        )
    return (
        f"# The lab's commands\n\n{HEAD}\n"
        "This page is generated from the commands' own help by `make reference`. Run one as\n"
        "`.venv/bin/python -m benchmarks COMMAND`; `--help` prints the same text, and the names that\n"
        "stand for NAME.\n\n"
        f"{table(('command', 'the question it answers'), overview)}\n" + "\n".join(parts)
    )


def paragraphs(text: str) -> str:
    """Return the paragraphs of a command's help; text that click does not wrap becomes code."""
    shown = []
    for paragraph in filter(None, text.split("\n\n")):
        if paragraph.startswith("\b"):
            head, *lines = paragraph.removeprefix("\b\n").splitlines()
            shown.append("\n".join([head, "", *(f"    {line.strip()}" for line in lines)]) if lines else head)
        else:
            shown.append(paragraph)
    return "".join(f"{paragraph}\n\n" for paragraph in shown)


def options(command: click.Command, context: click.Context) -> str:
    """Return the table of a command's options."""
    rows = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None or isinstance(parameter, click.Argument):
            continue
        text, _, default = record[1].partition("  [")
        default = default.removesuffix("]").replace("]  [", "; ").removeprefix("default: ")
        has_many = isinstance(parameter.type, click.Choice) and len(parameter.type.choices) > 12
        default = default.replace("<", "&lt;")  # as Markdown writes it
        rows.append((code(f"{parameter.opts[0]} NAME" if has_many else record[0]), text, default))
    return table(("option", "what it does", "default and range"), rows) if rows else ""


def results_schema() -> str:
    """Return the JSON Schema of result files, as the command `schema` writes it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


PAGES = {
    "docs/reference/switches.md": switches,
    "docs/reference/endpoints.md": endpoints,
    "docs/reference/checks-and-errors.md": checks_and_errors,
    "docs/reference/lab-commands.md": lab_commands,
    "docs/reference/results.schema.json": results_schema,
    "llms.txt": llms,  # the last, because it reads the others
}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a page is stale.")
def generate(check: bool):
    """Write the generated pages of docs/reference, and llms.txt."""
    for name in SWITCHES:
        os.environ.pop(name, None)
    os.environ |= {"ENV_FILE": "", "SECRET_KEY": "x" * 50, "METRICS": "on", "METRICS_TOKEN": "x" * 32}
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    stale = []
    for name, page in PAGES.items():
        text, file = page(), ROOT / name
        if file.suffix == ".md":
            text = wrapped(text)
        if file.exists() and file.read_text() == text:
            continue
        stale.append(name)
        if not check:
            file.write_text(text)
    if check and stale:
        sys.exit(f"stale: {', '.join(stale)}; renew with `make reference`")


if __name__ == "__main__":
    generate()

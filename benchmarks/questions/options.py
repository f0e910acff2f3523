"""The options that commands share, each declared once, and what a command makes of their values.

An option without parameters is a decorator (`@options.databases`). One whose default or help
depends on the command is a function that returns a decorator (`@options.budget("Seconds ...")`). A
command takes `**place` from `databases` and gives it to `scratch(**place)` as it is.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path

import click
from click.core import ParameterSource

from benchmarks.contenders.lineup import LINEUP, find_scheme
from benchmarks.databases.latency import MOST
from benchmarks.databases.scratch import CONNECTIONS
from benchmarks.messages import SERVED, RefusedError
from config.schemes import SCHEMES
from config.switches import SWITCHES

Decorator = Callable[[Callable], Callable]

# The default of --processes.
FEWEST = "with --budget, the fewest.  [default: 10, as the budget allows: 5 at least]"


# --- types ----------------------------------------------------------------------------------------


class Finite(click.FloatRange):
    """A number in a range, without nan and infinity, which click would take."""

    def convert(self, value, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{number} is no number; allowed: {self._describe_range()}", param, ctx)
        return number


ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
OUTPUT = click.Path(dir_okay=False, path_type=Path)
INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)


def lifetime(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Return the seconds of a text such as 5m, read as the switch JWT_<the option's name> is.

    Raises click.BadParameter.
    """
    switch = SWITCHES[f"JWT_{parameter.name.upper()}"]
    try:
        return switch.parse(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from None


def path(context: click.Context, parameter: click.Parameter, value):
    """Return --url. Raises click.UsageError unless each path begins with a slash."""
    for each in (value,) if isinstance(value, str) else value or ():
        if not each.startswith("/"):
            raise click.UsageError(f"--url {each!r}: a path, beginning with /")
    return value


def request_path(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return --url. Raises click.UsageError unless a request line can hold it as it is."""
    if not value.startswith("/") or not value.isascii() or not value.isprintable() or " " in value:
        raise click.UsageError(f"--url {value!r}: a path, beginning with /, as a request line has it")
    return value


def value(name: str, type: click.ParamType, default, help: str, metavar: str | None = None, to: str = "") -> Decorator:
    """Return an option of one value that has a default. `to`: the parameter that takes it."""
    names = (name, to) if to else (name,)
    return click.option(*names, type=type, default=default, show_default=True, help=help, metavar=metavar)


def duration(switch: str, help: str) -> Decorator:
    """Return an option in seconds with the name and the default of a JWT_ switch."""
    name = "--" + switch.removeprefix("JWT_").lower().replace("_", "-")
    default = SWITCHES[switch].default
    return click.option(name, metavar="DURATION", default=default, show_default=True, callback=lifetime, help=help)


# --- what is measured -----------------------------------------------------------------------------

contenders = click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(LINEUP)),
    multiple=True,
    help="A contender by name; may be repeated.  [default: all rows of the scheme table]",
)
rows = click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(SCHEMES)),
    multiple=True,
    help="A row of the scheme table; may be repeated.  [default: all]",
)


def admitted(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> Sequence[str]:
    """Return --contender. Raises click.UsageError for one that cannot take part, and says why."""
    strangers = [name for name in dict.fromkeys(value) if name not in LINEUP]
    from benchmarks.processes import start  # here: `report` shares this module and starts no process

    try:
        for name in strangers:
            if ":" not in name:
                find_scheme(name)  # which says what is allowed
        if strangers and not context.resilient_parsing:
            start.admit(strangers)
    except (RefusedError, start.WorkerRefusedError) as refusal:
        raise click.UsageError(f"--contender {refusal}") from None
    except start.WorkerFailedError as error:
        raise click.ClickException(str(error)) from None
    return value


others = click.option(
    "--contender",
    "others",
    metavar="PACKAGE.MODULE:SCHEME",
    multiple=True,
    callback=admitted,
    help="Your own class: a config.schemes.Scheme, or a Candidate with apps, middleware and settings; may be repeated.",
)


def chosen(*named: Sequence[str]) -> tuple[str, ...]:
    """Return the names of --scheme and --contender, each once; all rows if there are none."""
    return tuple(dict.fromkeys(name for names in named for name in names)) or tuple(SCHEMES)


def url(default: str = "/whoami/", *, strict: bool = False) -> Decorator:
    """Return --url for one path. `strict`: a request line must be able to hold it as it is."""
    check = request_path if strict else path
    return click.option(
        "--url", metavar="PATH", default=default, show_default=True, callback=check, help="What to GET."
    )


def urls(*defaults: str) -> Decorator:
    """Return --url for one or more paths."""
    return click.option(
        "--url",
        "urls",
        metavar="PATH",
        multiple=True,
        default=defaults,
        show_default=", ".join(defaults),
        callback=path,
        help="What to GET, any guarded URL of the service; may be repeated.",
    )


def spare(urls: Sequence[str]) -> Sequence[str]:
    """Return what a run may leave out: all URLs but the first, if --url named none."""
    named = click.get_current_context().get_parameter_source("urls") is not ParameterSource.DEFAULT
    return () if named else urls[1:]


# --- how long and how closely ---------------------------------------------------------------------


def processes(help: str, default: int | None = None) -> Decorator:
    return click.option(
        "--processes", "count", type=click.IntRange(min=2), default=default, show_default=bool(default), help=help
    )


def budget(help: str, default: float | None = None) -> Decorator:
    return click.option(
        "--budget", type=click.FloatRange(min=1), default=default, show_default=bool(default), help=help
    )


def budget_or(default: float, budget: float | None, *limits: float | None) -> float | None:
    """Return --budget, or the default if neither it nor another limit of the run was given."""
    return default if budget is None and not any(limits) else budget


def precision(help: str) -> Decorator:
    return click.option("--precision", type=ABOVE_ZERO, help=help)


def margin(help: str) -> Decorator:
    return click.option("--margin", type=ABOVE_ZERO, default=5, show_default=True, help=help)


def rounds(help: str) -> Decorator:
    return click.option("--rounds", type=click.IntRange(min=1), help=f"{help}  [default: what pays best]")


def block(of: str) -> Decorator:
    return click.option(
        "--block",
        type=click.IntRange(min=3),
        default=15,
        show_default=True,
        help=f"Consecutive requests of one {of}.",
    )


drop = click.option(
    "--drop",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="First requests of a block that are left out.",
)


def check_blocks(block: int, drop: int):
    """Raise click.UsageError unless a block keeps two requests or more."""
    if block - drop < 2:
        raise click.UsageError(f"--drop {drop} leaves fewer than 2 of the {block} requests of a --block")


# --- where ----------------------------------------------------------------------------------------

LARGEST_POPULATION = 10_000_000  # some 17 GB

population = click.option(
    "--population",
    type=click.IntRange(0, LARGEST_POPULATION),
    default=0,
    show_default="none",
    help="Other users in the scratch database, each with a credential of every kind. The time to load them is not "
    "part of --budget.",
)


def populations(*defaults: int) -> Decorator:
    """Return --population for two or more sizes, which the command gets in ascending order."""
    return click.option(
        "--population",
        "populations",
        type=click.IntRange(0, LARGEST_POPULATION),
        multiple=True,
        default=defaults,
        show_default=" ".join(map(str, defaults)),
        callback=_two_sizes,
        help="Users besides the one who is timed, each with a credential of every kind; given at least twice.",
    )


def _two_sizes(context: click.Context, parameter: click.Parameter, value: Sequence[int]) -> list[int]:
    found = sorted(set(value))
    if len(found) < 2:
        raise click.UsageError(f"--population {found[0]}: name at least two sizes")
    return found


connection = click.option(
    "--connection",
    type=click.Choice(list(CONNECTIONS)),
    default=SERVED,
    show_default=True,
    help="How the service connects: as its settings have it, kept open, psycopg's pool, or new for each request.",
)


def postgresql_only(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return --database-url. Raises click.BadParameter for the URL of another database."""
    if value and not value.startswith(("postgres://", "postgresql://")):
        raise click.BadParameter("allowed: postgresql://user:password@host:5432/name")
    return value


def database_url(help: str = "") -> Decorator:
    return click.option(
        "--database-url",
        metavar="URL",
        callback=postgresql_only,
        help=f"A PostgreSQL server on which a scratch database is made and dropped.{help}",
    )


def databases(command: Callable) -> Callable:
    """Add --database, --database-url and --connection, which `scratch` takes as they are."""
    database = click.option(
        "--database",
        type=click.Choice(["sqlite", "postgresql"]),
        default="sqlite",
        show_default=True,
        help="SQLite in a file, or a PostgreSQL started for this run.",
    )
    return database(database_url()(connection(command)))


def distance(**settings) -> Decorator:
    """Return an option that delays the database's answers by milliseconds; may be repeated."""
    return click.option(
        "--distance",
        "distances",
        metavar="MILLISECONDS",
        type=click.FloatRange(0, MOST),
        multiple=True,
        **settings,
    )


def check_distances(distances: Sequence[float], database: str, database_url: str | None, **_):
    """Raise click.UsageError for a distance to a file. Takes `**place` of `databases`."""
    if distances and database == "sqlite" and not database_url:
        raise click.UsageError(
            f"--distance {distances[0]:g}: a SQLite file is in the same process; add --database postgresql"
        )


def server(to: str = "server", **settings) -> Decorator:
    """Return --server, a key of SERVERS, granian by default. `to`: the parameter that takes it."""
    from benchmarks.servers.server import SERVERS  # here: `report` shares this module and needs no server

    settings = {"default": "granian", **settings}
    return click.option("--server", to, type=click.Choice(list(SERVERS)), show_default=True, **settings)


def timing(fresh: str, interval: str) -> Decorator:
    """Return the options that `overhead` and `wire` share: how long, how closely, where."""
    several = (
        processes(
            f"Fresh {fresh}, over which the intervals are taken; with --budget or --precision, the fewest.  "
            "[default: 10, as the budget allows: 5 at least]"
        ),
        budget("Seconds that the run may take.  [default: 60; 600 with --precision]"),
        precision(f"Stop when no {interval} is wider than so many microseconds either way."),
        margin("Microseconds within which two contenders are called equivalent."),
        rounds("Rounds in each process at each URL."),
        block("contender"),
        drop,
        population,
        databases,
    )

    def add(command: Callable) -> Callable:
        for option in reversed(several):
            command = option(command)
        return command

    return add


def refuse_given(context: click.Context):
    """Raise click.UsageError for an option that stands before the name of a subcommand."""
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{parameter.opts[0]} belongs to {context.info_name}, not {context.invoked_subcommand}"
            )


def json_file(command: str, content: str = "everything measured") -> Decorator:
    """Return the option --json, which files.destination takes."""
    return click.option(
        "--json",
        "path",
        type=OUTPUT,
        help=f"Where to write {content}.  [default: results/{command}-<UTC time>.json]",
    )

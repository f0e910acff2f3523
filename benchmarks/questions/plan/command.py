"""What would each scheme take for a population: cores, statements, connections, bytes, latency?"""

import click

from benchmarks.questions import options, outcome
from benchmarks.questions.options import Finite
from benchmarks.questions.plan import capacity, run, sources, tables
from benchmarks.results import files


@click.command(name="plan")
@click.argument("runs", metavar="RUN.json...", nargs=-1, required=True, type=options.INPUT)
@options.value("--users", click.IntRange(min=1), 50_000_000, "Active users.")
@options.value("--requests-per-user-per-day", Finite(min=0, min_open=True), 50, "Authenticated requests.")
@options.value("--logins-per-user-per-day", Finite(min=0), 0.05, "Logins with a password.")
@options.value(
    "--active-minutes-per-day",
    Finite(0, 1440),
    30,
    "How long a user makes requests. In this time the client refreshes a pair once per access lifetime, and at most "
    "once per request.",
)
@options.duration("JWT_ACCESS_LIFETIME", "Lifetime of a pair's access token.")
@options.value("--peak", Finite(min=1), 3, "Rate of the busiest hour, divided by the day's mean.", metavar="FACTOR")
@options.value(
    "--utilisation", Finite(0, 1, min_open=True), 0.6, "Share of their time, 0 to 1, that cores work at peak."
)
@options.value("--database-rtt-ms", Finite(min=0), 0.5, "Milliseconds of one round trip between service and database.")
@click.option("--url", metavar="PATH", help="Whose requests to plan for.  [default: the first of the overhead run]")
@options.json_file("plan", "the plan")
def command(runs, url, path, access_lifetime, **crowd):
    """Plan what each scheme takes for a population: cores, statements, connections, bytes, latency.

    The plan is arithmetic on measurements, and is printed with its formulae. Each file is the
    result of another command, at most one of each: overhead or flows or both; revocation, for how
    long a revoked credential may still be accepted; scale, for the bytes of a row (or overhead or
    flows with --population 1000 or more).

    \b
    Exit codes:
      0  planned
      1  a file is no result, is of no use here, or cannot be written
      2  wrong usage
      3  planned from an inconclusive result, or from results of unlike conditions
    """
    path = files.destination(path, "plan")
    with outcome.refusals(files.ResultError, sources.CapacityError):
        population = capacity.crowd(access_lifetime_seconds=access_lifetime, **crowd)
        plan = run.plan(population, sources.read(runs), url, tuple(map(str, runs)))
    shown = [*tables.of(plan), *plan.formulae, "", *plan.remarks]
    outcome.finish("plan", path, plan, shown, verdict=plan.verdict, written_as="The plan")

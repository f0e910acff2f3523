"""What do login, refresh, rotation and logout cost, and a request with its share of them?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases import scratch as databases
from benchmarks.messages import Population
from benchmarks.processes import environment, start
from benchmarks.questions import options, outcome
from benchmarks.questions.flows import run as experiment
from benchmarks.questions.flows import tables as flows_table
from benchmarks.reporting import tables as table
from benchmarks.results import files
from benchmarks.stats import break_even
from config.schemes import SCHEMES
from config.switches import SWITCHES


@click.command(name="flows")
@options.rows
@click.option(
    "--access-lifetime",
    metavar="DURATION",
    default=SWITCHES["JWT_ACCESS_LIFETIME"].default,
    show_default=True,
    callback=options.lifetime,
    help="How often a pair must be refreshed, in the curve.",
)
@click.option(
    "--session-lifetime",
    metavar="DURATION",
    default=SWITCHES["JWT_SESSION_LIFETIME"].default,
    show_default=True,
    callback=options.lifetime,
    help="How often a client of any scheme must log in, in the curve.",
)
@options.processes("Fresh processes, over which the intervals are taken.", default=10)
@options.budget("Seconds that the run may take: so many rounds are done in each process, one at least.", default=20)
@options.population
@options.databases
@options.json_file("flows")
def command(schemes, access_lifetime, session_lifetime, count, budget, population, path, **place):
    """What do login, refresh, rotation and logout cost, and a request with its share of them?

    The flows are what each scheme's own URLs offer. Every call is proved: the expected status, the
    credential it gives lets its user in, the one it ends is refused; what is spent is made off the clock.
    Blocks of calls of all schemes, and of requests to /whoami/, alternate in balanced random order, and the
    intervals are taken over fresh processes.

    The curve is the figure that decides: what a request costs a client that makes N of them per access
    lifetime, logins and refreshes included, and the N at which two schemes cost the same.

    The run is inconclusive when the A/A control's interval (99 %) excludes zero and the difference is above
    0.5 % of the request, when the hypervisor took more than 5 % of the time the processors had work, or when
    other programs kept the password's hash waiting for more than 20 % of its time.

    \b
    Exit codes:
      0  conclusive
      1  a flow was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if access_lifetime > session_lifetime:
        raise click.UsageError("--access-lifetime: allowed: at most --session-lifetime")
    lifetimes = break_even.Lifetimes(access_lifetime, session_lifetime)
    path = files.destination(path, "flows")
    machine = environment.describe()
    with outcome.refusals(), databases.scratch(**place) as scratch:
        stored = start.fill(scratch, others=Population(population))
        end = begin + budget + stored.seconds
        with terminal.progress() as watcher:
            run = experiment.run(schemes or tuple(SCHEMES), scratch, count, end, watcher)
    answer = experiment.analyse(run, lifetimes)
    seconds = time.monotonic() - begin
    record = {
        "seconds": round(seconds, 1),
        "service": run.rehearsal.service,
        "steal": run.steal,
        "population": population,
        "stored": stored,
        "plan": {"processes": count, "rounds": run.rounds, "budget_seconds": budget},
        "lifetimes_seconds": lifetimes,
        "flows": answer.flows,
        "bytes_written": run.rehearsal.bytes_meaning,
        "endpoints": run.rehearsal.endpoints,
        "password_hash": {
            "algorithm": run.rehearsal.password_hash.algorithm,
            "iterations": run.rehearsal.password_hash.iterations,
            "time_us": answer.hash_us,
        },
        "requests_us": answer.requests_us,
        "anonymous_us": answer.anonymous_us,
        "request_statements": run.rehearsal.statements,
        "curve": {
            "requests": break_even.REQUESTS,
            "schemes": {
                scheme: {
                    "cost_us": [each.estimate for each in costs],
                    "low": [each.low for each in costs],
                    "high": [each.high for each in costs],
                }
                for scheme, costs in answer.curves.items()
            },
        },
        "crossings": [
            {
                "first": each.first,
                "second": each.second,
                "requests": each.requests.estimate,
                "low": each.requests.low,
                "high": each.requests.high,
                "cheaper_below": each.cheaper_below,
                "cheaper_above": each.cheaper_above,
            }
            for each in answer.crossings
            if each.requests is not None
        ],
        "without_crossing": [each for each in answer.crossings if each.requests is None],
        "control": answer.control,
        "verdict": {"conclusive": answer.verdict.conclusive, "reasons": answer.verdict.reasons},
        "processes": [
            {
                "hash_seed": process.hash_seed,
                "seed": process.seed,
                "request_ns": process.found.request_ns,
                "flow_ns": process.found.flow_ns,
                "password_hash_ns": process.found.password_hash.verify_ns,
            }
            for process in run.processes
        ],
    }
    outcome.finish(
        "flows",
        path,
        record,
        [
            flows_table.flows_of(answer, run),
            flows_table.curve_of(answer, lifetimes),
            *flows_table.sentences(answer.crossings, lifetimes),
            "",
            *table.population(population, stored),
            *flows_table.remarks(answer, run, lifetimes, machine, seconds),
        ],
        verdict=answer.verdict,
        hidden=place["database_url"],
    )

"""Can the lab's numbers be trusted?"""

import time
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.processes import start
from benchmarks.questions import options, outcome
from benchmarks.questions.selftest import campaign, refusals, tables
from benchmarks.questions.selftest import run as selftest
from benchmarks.results import files
from benchmarks.results.records.selftest import Selftest

CAMPAIGN = Path("results/selftest-campaign.jsonl")


@click.command(name="selftest")
@options.processes("Fresh processes of the campaign; 2000 give 200 contests of ten.", default=2000)
@options.value("--rounds", click.IntRange(min=2), 32, "Rounds in each process.")
@options.value("--campaign", options.OUTPUT, CAMPAIGN, "File of the campaign; a stopped campaign goes on.", to="kept")
@options.databases
@options.json_file("selftest", "the result")
def command(count, rounds, kept, path, **place):
    """Check whether the lab's numbers can be trusted.

    First, the lab must refuse contenders that do not do what they say. Then each process of a
    campaign times anonymous, its copy, and copies with a known, planted delay. The lab draws
    contests from the campaign, no process in two of them, and judges them as `overhead` does: how
    often is identical code called different, is a planted delay found, do the intervals cover its
    size? This takes about three quarters of an hour.

    \b
    Exit codes:
      0  every rate is within its bounds
      1  a rate is not, a misbehaving contender was timed, a process failed, or a file cannot be
         written
      2  wrong usage
      3  too few processes to judge all rates
    """
    begin = time.monotonic()
    path = files.destination(path, "selftest")
    files.try_file(kept)
    with (
        outcome.refusals(campaign.CampaignError),
        scratch(**place) as database,
        terminal.progress() as watcher,
    ):
        start.fill(database)
        refused = refusals.of_all(database)
        records = campaign.collect(kept, database, count, rounds, watcher)
    lines = selftest.judge(records)
    record = Selftest(
        seconds=round(time.monotonic() - begin, 1),
        plan={"processes": len(records), "rounds": rounds, "block": campaign.BLOCK, "drop": campaign.DROP},
        refusals=refused,
        lines=tuple({**asdict(line), "passed": line.passed} for line in lines),
        records=tuple(records),
    )
    verdict, code = selftest.verdict(lines, refused)
    shown = [tables.of(lines), *tables.remarks(records, refused, rounds)]
    closing = [f"Selftest: {verdict}."]
    outcome.finish(path, record, shown, closing=closing, code=code, hidden=place["database_url"])

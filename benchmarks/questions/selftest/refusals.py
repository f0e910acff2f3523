"""Does the lab refuse contenders that do not do what they say?"""

from dataclasses import replace

from benchmarks.contenders import misbehaving
from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment
from benchmarks.processes import start
from benchmarks.questions.selftest import campaign

PROCESSES, ROUNDS = 12, 24  # of a contender that shows itself under the clock only


def of_all(scratch: Database) -> dict[str, str | None]:
    """Return, for each misbehaving contender, the first line of its refusal; None: it was timed."""
    attempts = {name.partition(":")[2]: ((name,), campaign.URL) for name in misbehaving.ALL}
    attempts["NOWHERE"] = ((), misbehaving.NOWHERE)
    refusals = {}
    for name, (schemes, url) in attempts.items():
        assignment = Assignment(schemes, {url: 0}, block=campaign.BLOCK, drop=campaign.DROP, seed=0)
        try:
            _time(assignment, scratch)
        except start.WorkerRefusedError as refusal:
            refusals[name] = str(refusal).partition("\n")[0]
        else:
            refusals[name] = None
    return refusals


def _time(assignment: Assignment, scratch: Database):
    """Rehearse the assignment and time it, as `overhead` does. Raises start.WorkerRefusedError."""
    rehearsal = start.work(assignment, scratch, hash_seed=0)
    samples = []
    for seed in range(PROCESSES):
        timed = replace(assignment, rounds=dict.fromkeys(assignment.rounds, ROUNDS), seed=seed)
        samples.append(start.work(timed, scratch, hash_seed=seed))
    start.refuse_growth(rehearsal, samples)

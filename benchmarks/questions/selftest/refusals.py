"""Does the lab refuse contenders that do not do what they say?"""

from benchmarks.contenders import misbehaving
from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment
from benchmarks.processes import start
from benchmarks.questions.selftest import campaign


def of_all(scratch: Database) -> dict[str, str | None]:
    """Return, for each misbehaving contender, the first line of its refusal; None: it was timed."""
    attempts = {name.partition(":")[2]: ((name,), campaign.URL) for name in misbehaving.ALL}
    attempts["NOWHERE"] = ((), misbehaving.NOWHERE)
    refusals = {}
    for name, (schemes, url) in attempts.items():
        assignment = Assignment(schemes, {url: 2}, block=campaign.BLOCK, drop=campaign.DROP, seed=0)
        try:
            start.work(assignment, scratch, hash_seed=0)
        except start.WorkerRefusedError as refusal:
            refusals[name] = str(refusal).partition("\n")[0]
        else:
            refusals[name] = None
    return refusals

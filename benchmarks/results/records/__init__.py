"""One class for each thing in a result file: a run returns it, the report reads it.

Each command's module has the class of its result, a `Record`, and the classes of its parts.
benchmarks/stats defines what statistics compute (Interval, Table, Contest, Verdict), and
benchmarks/messages.py what processes send (Entry, Facts, Blocks, Stored). These classes make
docs/reference/results.schema.json.
"""

from benchmarks.results.records.common import Record
from benchmarks.results.records.compare import Comparison
from benchmarks.results.records.distance import Distance
from benchmarks.results.records.flows import Flows
from benchmarks.results.records.instructions import Instructions
from benchmarks.results.records.ladder import Ladder
from benchmarks.results.records.load import Load
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.plan import Plan
from benchmarks.results.records.proposals import Proposals
from benchmarks.results.records.refreshes import Refreshes
from benchmarks.results.records.revocation import Revocation
from benchmarks.results.records.scale import Scale
from benchmarks.results.records.scale_tracks import ScaleTracks
from benchmarks.results.records.selftest import Selftest
from benchmarks.results.records.versus import Versus
from benchmarks.results.records.wire import Wire

RESULTS: dict[str, type[Record]] = {
    each.command: each
    for each in (
        Overhead,
        Wire,
        Ladder,
        Instructions,
        Flows,
        Load,
        Distance,
        Revocation,
        Refreshes,
        Scale,
        ScaleTracks,
        Plan,
        Proposals,
        Versus,
        Comparison,
        Selftest,
    )
}

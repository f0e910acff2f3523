"""The fields that the results of runs by turns share (see processes/turns.py)."""

from typing import Any

from benchmarks.messages import Assignment
from benchmarks.processes.turns import Run
from benchmarks.results.records.measured import Turn


def fields(run: Run, place: str, assignment: Assignment, budget_seconds: float | None, **plan: Any) -> dict[str, Any]:
    """Return the fields of a ByTurns record, except `seconds` and `verdict`.

    `place` names the service to describe; `plan` holds more fields of the plan.
    """
    return {
        "service": run.rehearsals[place].service,
        "steal": run.steal,
        "waited": run.waited,
        "load_average_after": run.load_average,
        "plan": {
            "turns": len(run.turns),
            "rounds": run.rounds,
            "block": assignment.block,
            "drop": assignment.drop,
            "budget_seconds": budget_seconds,
            **plan,
        },
        "turns": tuple(
            Turn(turn.hash_seed, turn.seed, {name: sample.blocks for name, sample in turn.samples.items()})
            for turn in run.turns
        ),
    }

"""Where the curves of two schemes meet: the marks of a matrix."""

from dataclasses import replace

import pytest

from benchmarks.questions.flows import meeting
from benchmarks.questions.flows import tables as flows_table
from benchmarks.results.records import flows as records
from tests.support.question_results import flows_record

pytestmark = pytest.mark.once  # no database


def test_every_pair_is_in_the_matrix_from_both_sides():
    costs = records.Costs((1.0,), (1.0,), (1.0,))
    record = replace(
        flows_record(),
        lifetimes_seconds={"access": 300, "session": 86_400},
        curve=records.Curve((1,), dict.fromkeys("abcd", costs)),
        crossings=(records.Crossing("a", "b", 12.34, 11, 1400, "a", "b"),),
        without_crossing=(
            records.Uncrossed("a", "c", "a", "a"),
            records.Uncrossed("d", "a", "a", "a"),
            records.Uncrossed("b", "c", None, None),
            records.Uncrossed("b", "d", "b", None),
            records.Uncrossed("c", "d", "c", "d"),
        ),
    )
    marks = meeting.marks(record)
    texts = {one: [marks[one, other].text if one != other else "·" for other in "abcd"] for one in "abcd"}
    assert texts == {
        "a": ["·", "<12", "all", "all"],
        "b": ["≥12", "·", "?", "few?"],
        "c": ["none", "?", "·", "few"],
        "d": ["none", "none?", "many", "·"],
    }
    assert marks["b", "a"].said == "cheaper from 12.3 (11.0 to 1,400) requests on"
    assert marks["b", "d"].said == "cheaper with few requests; with many no difference is shown"
    assert flows_table.sentences(record)[1] == "Where two cost the same (95 %): a and b at 12.3 (11.0 to 1,400)."

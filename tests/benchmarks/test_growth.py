"""What grows along a run is found, and nothing else. The times are made up."""

from random import Random

import pytest

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Facts, Sample
from benchmarks.stats import growth

URL = "/whoami/"
NAMES = ("token", "jwt")
ROUNDS, PROCESSES = 16, 10


def facts(**statements: int) -> dict[str, dict[str, Facts]]:
    counted = dict.fromkeys((ANONYMOUS, CONTROL, *NAMES), 1) | statements
    return {URL: {name: Facts(count, 0, 0) for name, count in counted.items()}}


def samples(
    seed: int,
    scatter: float = 3.0,
    by_round: float = 0.0,
    by_process: float = 0.0,
    machine: float = 0.0,
    waited: float = 0.0,
) -> list[Sample]:
    """Return processes in which `token` adds 100 µs to 200 µs, and more with time.

    `by_round`, `by_process`  µs more in each round, and in each process, than in the one before
    `machine`                 by which share the machine becomes slower from the first to the last
    `waited`                  the share of its time that the last process waits more than the first
    """
    drawn = Random(seed)
    made = []
    for process in range(PROCESSES):
        figures = {name: [] for name in (ANONYMOUS, CONTROL, *NAMES)}
        for number in range(ROUNDS):
            slower = 1 + machine * (process * ROUNDS + number) / (PROCESSES * ROUNDS)
            for name, each in figures.items():
                adds = 100.0 * (name in NAMES)
                adds += (name == "token") * (by_round * number + by_process * process)
                each.append(1000 * ((200 + adds) * slower + drawn.gauss(0, scatter)))
        blocks = {URL: Blocks([], figures, figures, figures, {})}
        made.append(Sample([], facts(), {}, {}, waited=waited * process / (PROCESSES - 1), blocks=blocks))
    return made


@pytest.mark.parametrize("scatter", [0.5, 3.0, 50.0])
def test_an_honest_run_is_not_refused(scatter):
    assert [growth.faults(facts(), samples(seed, scatter)) for seed in range(100)] == [[]] * 100


def test_a_machine_that_becomes_slower_is_not_a_contender_that_does():
    assert not any(growth.faults(facts(), samples(seed, machine=0.6)) for seed in range(20))


def test_a_small_drift_does_not_matter():
    assert not any(growth.faults(facts(), samples(seed, by_round=20 / ROUNDS)) for seed in range(20))


@pytest.mark.parametrize(
    ("slowing", "where"),
    [({"by_round": 4.0}, "last round of a process"), ({"by_process": 8.0}, "last process")],
    ids=["by round", "by process"],
)
def test_a_contender_that_slows_is_named(slowing, where):
    for seed in range(20):
        (fault,) = growth.faults(facts(), samples(seed, **slowing))
        assert fault.startswith(f"token at {URL}: adds ")
        assert f"in the {where} than in the first" in fault


def test_a_machine_that_becomes_busier_slows_a_long_request_more_which_is_no_growth():
    assert not any(growth.faults(facts(), samples(seed, by_process=8.0, waited=0.3)) for seed in range(20))
    assert all(growth.faults(facts(), samples(seed, by_round=4.0, waited=0.3)) for seed in range(20))


def test_a_contender_that_slows_is_named_though_some_processes_repeated_many_blocks():
    made = samples(1, by_round=12.0)
    made[3], made[6] = samples(2, by_round=48.0)[3], samples(3, by_round=48.0)[6]
    (fault,) = growth.faults(facts(), made)
    assert "in the last round of a process than in the first" in fault


def test_two_rounds_in_two_processes_are_enough_to_compute():
    made = samples(1)[:2]
    for sample in made:
        for figures in sample.blocks[URL].p25_ns.values():
            del figures[1:]
    assert growth.faults(facts(), made) == []


def counting(counts: list[int]) -> list[Sample]:
    return [Sample([], facts(token=count), {}, {}) for count in counts]


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [1, 2, 1, 1], [2, 1, 1, 1], [1, 1, 2, 1], [1, 2]])
def test_statements_that_do_not_rise_are_no_growth(counts):
    made = [*samples(1)[:1], *counting(counts)]
    assert growth.faults(facts(), [each for each in made if not each.blocks] or made) == []


def test_statements_that_rise_from_process_to_process_are_named():
    (fault,) = growth.faults(facts(), counting([1, 1, 2, 2, 3]))
    assert fault == (
        "token at /whoami/: sends 1 SQL statements in the first process and 3 in the last; the number must not grow"
    )


def test_one_request_may_send_more_than_the_others():
    assert growth.of_statements([1] * 50 + [2] + [1] * 109) is None
    assert growth.of_statements([0] * 160) is None


def test_statements_that_a_few_requests_add_are_told():
    every_fiftieth = [2 if number % 50 == 49 else 1 for number in range(160)]
    assert "sends 1 to 2 SQL statements in 160 equal requests, more than 1 in 3 of them" in growth.of_statements(
        every_fiftieth
    )
    assert "more than 1 in 110 of them" in growth.of_statements([1 + number // 50 for number in range(160)])


def test_memory_grows_if_each_request_keeps_something():
    assert growth.of_memory(39_000, 160) is None
    assert growth.of_memory(40_000, 1000) is None
    assert growth.of_memory(-500, 1000) is None
    assert growth.of_memory(96_000, 1000).startswith("keeps 96 bytes more after each of 1000 equal requests")

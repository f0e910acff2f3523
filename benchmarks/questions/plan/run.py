"""The plan of `python -m benchmarks plan`, made from the results of other commands."""

from benchmarks.questions.plan.capacity import hash_cores, planned, rates
from benchmarks.questions.plan.sources import Sources, bytes_per_row, costs_of
from benchmarks.questions.plan.wording import formulae, remarks
from benchmarks.reporting.frontier import worst
from benchmarks.results.records.plan import Crowd, Plan
from benchmarks.stats.verdicts import Verdict


def plan(crowd: Crowd, sources: Sources, url: str | None = None, runs: tuple[str, ...] = ()) -> Plan:
    """Return the plan for the requests of `url`; None: the first URL of the overhead run.

    `runs` names the files of the sources.

    Raises CapacityError.
    """
    overhead, flows, revocation = (sources.parts.get(name) for name in ("overhead", "flows", "revocation"))
    url, service_us, schemes = costs_of(overhead, flows, url)
    row_bytes = bytes_per_row(sources.stored)
    slowest = {} if revocation is None else worst(revocation)
    hashing = None if flows is None or flows.password_hash is None else hash_cores(crowd, flows.password_hash.time_us)
    found = tuple(planned(name, costs, crowd, row_bytes, slowest.get(name)) for name, costs in schemes.items())
    service = crowd.peak / crowd.utilisation * rates(crowd).requests * service_us / 1e6
    shown = max(schemes, key=lambda name: (schemes[name].refresh is not None, schemes[name].login is not None))
    return Plan(
        runs=runs,
        crowd=crowd,
        url=url,
        service_cores=service,
        hash_cores=hashing,
        schemes=found,
        bytes_per_row=row_bytes,
        formulae=tuple(formulae(shown, schemes[shown], crowd, row_bytes)),
        remarks=tuple(remarks(crowd, service, hashing, found, flows is not None)),
        verdict=Verdict.of(sources.doubts),
    )

"""The results that a plan is made of, and the costs that they hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.messages import ANONYMOUS, Stored
from benchmarks.questions.plan.capacity import Cost, Costs
from benchmarks.results import files
from benchmarks.results.records import RESULTS
from benchmarks.results.records.common import Head
from benchmarks.results.records.flows import Flow, Flows
from benchmarks.results.records.overhead import Overhead

KINDS = ("overhead", "flows", "revocation", "scale")  # results of which a plan is made

LEAST_ROWS = 1000  # of a table: with fewer, a row's bytes are those of half-empty pages
# The flow that counts, the first that was measured: a user who logs in has usually done so before.
LOGIN, REFRESH = ("obtain again", "obtain"), ("refresh",)


class CapacityError(Exception):
    """Results from which nothing can be planned; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Results by their command, and the head of each."""

    parts: dict[str, Any]
    heads: dict[str, Head]

    @property
    def stored(self) -> list[Stored]:
        """Return what the scratch databases held."""
        one = [part.stored for part in self.parts.values() if getattr(part, "stored", None) is not None]
        return one + [size.stored for size in getattr(self.parts.get("scale"), "sizes", ())]

    @property
    def doubts(self) -> list[str]:
        """Return the reasons not to trust a plan made of these, one sentence each."""
        verdicts = {name: getattr(part, "verdict", None) for name, part in self.parts.items()}
        doubts = [
            f"{name}: {reason}"
            for name, verdict in verdicts.items()
            if verdict is not None
            for reason in verdict.reasons
        ]
        # The machine does not change when a credential ends.
        heads = {name: head for name, head in self.heads.items() if name != "revocation"}
        for fact, of in (
            ("processor", lambda head: head.environment.processor),
            ("database", lambda head: head.service.get("database")),
        ):
            values = {name: of(head) for name, head in heads.items() if of(head) is not None}
            if len(set(values.values())) > 1:
                doubts.append(f"unlike {fact}: {', '.join(f'{name} {value}' for name, value in values.items())}")
        return doubts


def read(paths: Iterable[Path]) -> Sources:
    """Return the results in these files.

    Raises CapacityError, and files.ResultError for a file that is no result.
    """
    found = Sources({}, {})
    for path in paths:
        document = files.read(path)
        name = document["command"]
        if name not in list(KINDS):  # it may be anything that JSON can be, so unhashable
            raise CapacityError(f"{path}: a result of {name!r}; a plan is made of those of {', '.join(KINDS)}")
        if name in found.parts:
            raise CapacityError(f"{path}: a second result of {name}; a plan is made of one of each")
        try:
            found.heads[name] = msgspec.convert(document, Head)
            found.parts[name] = msgspec.convert(document, RESULTS[name])
        except msgspec.ValidationError as error:
            raise CapacityError(f"{path}: {error}") from None
    return found


def costs_of(overhead: Overhead | None, flows: Flows | None, url: str | None) -> tuple[str, float, dict[str, Costs]]:
    """Return the URL, the microseconds of anonymous's request there, and scheme -> Costs.

    Raises CapacityError.
    """
    if overhead is not None:
        tables = {table.url: table for table in overhead.tables}
        url = url or next(iter(tables))
        if url not in tables:
            raise CapacityError(f"--url {url}: not in the result of overhead; allowed: {', '.join(tables)}")
        table = tables[url]
        bare = table.anonymous.facts.sql_statements
        service = table.anonymous.request
        requests = {row.name: Cost(row.overhead, row.facts.sql_statements - bare) for row in table.rows}
    elif flows is not None:
        if url not in (None, "/whoami/"):
            raise CapacityError(f"--url {url}: flows measures /whoami/ alone; give a result of overhead")
        if flows.anonymous_us is None or not flows.request_statements:
            raise CapacityError("the result of flows lacks a request's time and statements: measure it again")
        url, service, bare = "/whoami/", flows.anonymous_us, flows.request_statements[ANONYMOUS]
        requests = {name: Cost(adds, flows.request_statements[name] - bare) for name, adds in flows.requests_us.items()}
    else:
        raise CapacityError("no result of overhead or flows: there is no measurement to plan with")
    return (
        url,
        service,
        {name: Costs(cost, _flow(flows, name, LOGIN), _flow(flows, name, REFRESH)) for name, cost in requests.items()},
    )


def bytes_per_row(stored: Iterable[Stored]) -> dict[str, float]:
    """Return table -> bytes of a row and its index entries, in the fullest database.

    Tables with fewer than LEAST_ROWS rows are left out.
    """
    largest = {}
    for table in sorted((each for one in stored for each in one.tables), key=lambda each: each.rows):
        if table.rows >= LEAST_ROWS and None not in (table.table_bytes, table.index_bytes):
            largest[table.table] = (table.table_bytes + table.index_bytes) / table.rows
    return largest


def _flow(flows: Flows | None, scheme: str, names: Sequence[str]) -> Cost | None:
    if flows is None:
        return None
    found: dict[str, Flow] = {each.flow: each for each in flows.flows if each.scheme == scheme}
    flow = next((found[name] for name in names if name in found), None)
    if flow is None:
        return None
    return Cost(
        flow.besides_hash_us or flow.time_us,
        flow.statements or 0,
        flow.rows_written or 0,
        None
        if flow.tables is None
        else {
            name: gain.inserted - gain.deleted for name, gain in flow.tables.items() if gain.inserted != gain.deleted
        },
    )

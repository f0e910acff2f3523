"""A result as a flat table for a spreadsheet or a statistics program."""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.messages import Blocks
from benchmarks.stats import overhead


class NoTableError(Exception):
    """A result of a command that makes no table; the message names those that do."""


def records(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a flat record for each thing measured; nested names have dots: `overhead.low`.

    Raises NoTableError.
    """
    if result["command"] not in TABLES:
        raise NoTableError(f"a result of {result['command']}; allowed: {', '.join(TABLES)}")
    return [flat(record) for record in TABLES[result["command"]](result)]


def processes(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each process of an `overhead` run found, in µs; its intervals are made of it.

    Raises NoTableError.
    """
    if result["command"] != "overhead":
        raise NoTableError(f"a result of {result['command']}; allowed: overhead")
    return [
        {
            "url": url,
            "process": number,
            "hash_seed": process["hash_seed"],
            "contender": name,
            "request_us": overhead.request(Blocks(**blocks), name),
            "adds_us": overhead.overhead(Blocks(**blocks), name),
        }
        for number, process in enumerate(result["processes"])
        for url, blocks in process["blocks"].items()
        for name in blocks["p25_ns"]
    ]


def flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the record without nesting and without what is None."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[f"{prefix}{name}"] = value
    return found


def _overhead(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for table in result["tables"]:
        for row in (table["anonymous"], *table["rows"]):
            yield {"url": table["url"], **row}


def _wire(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each contender, with what it adds in process too."""
    inside = {(each["url"], each["name"]): each for each in result["beside"]}
    for line in _overhead(result):
        each = inside.get((line["url"], line["name"]), {})
        yield line | {name: each[name] for name in ("in_process", "difference", "verdict") if name in each}


def _versus(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for the request, and one for what the contender adds to anonymous's."""
    figures = ("before", "after", "difference", "now")
    for what, place in (("request", result), ("adds", result.get("adds"))):
        if place:
            about = {name: result[name] for name in ("url", "contender")}
            yield {**about, "what": what, **{name: place[name] for name in figures}}


def _selftest(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from result["lines"]
    for name, refusal in result["refusals"].items():
        yield {"question": f"refuses {name}", "passed": refusal is not None, "refusal": refusal}


def _revocation(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in result["rows"]:
        for event, cell in row["cells"].items():
            yield {"scheme": row["scheme"], "event": event, **cell}


def _refreshes(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each library and event, with what its refresh writes."""
    for library in result["libraries"]:
        about = {name: library[name] for name in ("name", "package", "version", "access_seconds", "refresh_seconds")}
        written = {name: value for name, value in library["written"].items() if name != "tables"}
        for event, cell in library["cells"].items():
            yield {**about, **written, "event": event, **cell}


def _ladder(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for ladder in result["ladders"]:
        for rung in ladder["rungs"]:
            yield {"scheme": ladder["scheme"], "url": ladder["url"], **rung}


def _load(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each step, without its histograms; at saturation no rate was offered."""
    for contender in result["contenders"]:
        who = {name: contender[name] for name in ("scheme", "server", "distance_ms")}
        for number, series in enumerate(contender["turns"], 1):
            for step in (series["saturation"], *series["steps"]):
                figures = {name: value for name, value in step.items() if name not in ("from_intended", "from_sent")}
                yield {**who, "turn": number, **figures}


def _distance(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    took_us = {trip["asked_ms"]: trip["median_us"] for trip in result["round_trips"]}
    for away in result["distances"]:
        asked = away["distance_ms"]
        for row in away["table"]["rows"]:
            yield {"distance_ms": asked, "round_trip_us": took_us[asked], **row, "waits": result["waits"][row["name"]]}


def _scale_tracks(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for size in result["sizes"]:
        for query in size["queries"]:
            steps = {name: "; ".join(query[name]) for name in ("plan", "before_plan")}
            yield {"tracks": size["tracks"], **query, **steps}


def _proposals(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each request or call that was timed."""
    dpop, ml_dsa, listed = result["dpop"], result["ml_dsa"], result["status_list"]
    timings = [each["timing"] for each in (dpop, ml_dsa) if each]
    timings += [listed["requests"], listed["work"]] if listed else []
    for timing in timings:
        for row in timing["rows"]:
            yield {"part": timing["part"], **row}


# Every result has one: a test holds this table and records.RESULTS together.
TABLES: dict[str, Callable[[dict[str, Any]], Iterator[dict[str, Any]]]] = {
    "overhead": _overhead,
    "wire": _wire,
    "revocation": _revocation,
    "refreshes": _refreshes,
    "flows": lambda result: iter(result["flows"]),
    "ladder": _ladder,
    "instructions": lambda result: iter(result["rows"]),
    "load": _load,
    "distance": _distance,
    "scale": lambda result: iter(result["changes"]),
    "scale tracks": _scale_tracks,
    "proposals": _proposals,
    "compare": lambda result: iter(result["changes"]),
    "plan": lambda result: iter(result["schemes"]),
    "versus": _versus,
    "selftest": _selftest,
}

"""The tables that `proposals` prints, and the lines below them."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from benchmarks.questions.proposals.ml_dsa.field import SIGN, VERIFY, name_of
from benchmarks.questions.proposals.status_list.work import TIMED
from benchmarks.reporting import tables
from benchmarks.reporting.wording import duration, figure, interval, number
from benchmarks.results.records.proposals import MLDSA, DPoP, Proposals, StatusList, Timed, Timing

_TITLES = {
    "dpop": "DPoP (RFC 9449), GET /whoami/",
    "status-list requests": "Token Status List, GET /whoami/",
    "status-list work": f"Token Status List, a million logins, {TIMED:.0%} revoked",
}


def of(record: Proposals, machine: dict[str, Any]) -> Iterator[Table | str]:
    """Yield everything that the command prints before its verdict."""
    if record.dpop:
        yield from _dpop(record.dpop)
    if record.ml_dsa:
        yield from _ml_dsa(record.ml_dsa)
    if record.status_list:
        yield from _status_list(record.status_list)
    service, steal = record.service, "unknown" if record.steal is None else f"{record.steal:.1%}"
    yield (
        f"Database: {service['database']} {service['database_version']}, {service['transport']}. "
        f"Connection policy: {service['connection']}."
    )
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    yield (
        f"Machine: {machine['cores']} x {machine['processor']}, {machine['python']}, {packages}; "
        f"load {machine['load_average'][0]:.1f} before, steal {steal}; {record.seconds:.0f} s."
    )


def _dpop(found: DPoP) -> Iterator[Table | str]:
    yield from _requests(found.timing)
    if found.missing:
        yield f"Not measured: {found.missing}."
    yield (
        "Proof: the service verifies an ES256 proof with every check of RFC 9449 4.3 but the replay, and compares its "
        "key with the access token's. The others also keep its jti for as long as its iat is accepted. Processes do "
        "not see each other's memory."
    )
    yield ""


def _ml_dsa(found: MLDSA) -> Iterator[Table | str]:
    by_name = {row.name: row for row in found.timing.rows}
    shown = tables.empty(
        f"ML-DSA (FIPS 204, RFC 9964) and today's algorithms ({_replicates(found.timing)}; µs, bytes)",
        "algorithm",
        "header line",
        "signature",
        "public key",
        "signs (95 %)",
        "signs, mean",
        "verifies (95 %)",
    )
    for each in found.tokens:
        sign, verify = (by_name[name_of(each.algorithm, what)] for what in (SIGN, VERIFY))
        sizes = (f"{each.header_line:,}", f"{each.signature:,}", f"{each.public_key:,}" if each.public_key else "-")
        shown.add_row(each.algorithm, *sizes, interval(sign.takes), number(sign.mean.estimate), interval(verify.takes))
    yield shown
    yield _control(found.timing)
    if found.missing:
        yield f"Not measured: {found.missing}."
        return
    yield f"Computed by {found.library}."
    yield ""
    yield _servers(found)
    yield f"Limits, defaults except for granian: {'; '.join(f'{each.name}: {each.limit}' for each in found.servers)}."
    yield (
        "200: the server answered and passed on what was sent, byte for byte. The limit was searched with signed "
        "tokens of ML-DSA-44 that hold a longer and longer claim; the request has no other long header."
    )
    if found.not_tried:
        yield f"Not tried: {'; '.join(found.not_tried)}."
    yield ""


def _servers(found: MLDSA) -> Table:
    asked = list(found.servers[0].answers) if found.servers else []
    shown = tables.empty("Who passes such a header (bytes of the Authorization line)", "server", *asked)
    for heading in ("largest passed", "then"):
        shown.add_column(heading)
    for each in found.servers:
        then = "-" if each.smallest_refused is None else f"{each.refused_with} at {each.smallest_refused:,}"
        shown.add_row(
            f"{each.name} {each.version}",
            *(each.answers[name] for name in asked),
            f"{each.largest_passed:,}",
            then,
        )
    return shown


def _status_list(found: StatusList) -> Iterator[Table | str]:
    shown = tables.empty(
        f"Token Status List: {found.logins:,} logins at one bit (bytes)", "revoked", "raw", "zlib 9", "base64url", "JWT"
    )
    for each in found.sizes:
        sizes = (figure(size) for size in (each.zlib, each.lst, each.token))
        shown.add_row(f"{each.revoked_share:.1%}", f"{each.raw:,}", *sizes)
    yield shown
    yield from _requests(found.requests)
    yield _calls(found.work)
    yield _control(found.work)
    yield (
        f"Memory: a process keeps {found.list_bytes:,} bytes for the list, however many clients ask, and jwt-pushed "
        f"{found.login_bytes:.0f} bytes for each login that it has seen: as many as for "
        f"{found.list_bytes / found.login_bytes:,.0f} logins."
    )
    stale = tables.empty("How long a revoked login goes on", "kept for (ttl)", "published every", "mean", "longest")
    for plan in found.staleness:
        stale.add_row(
            duration(plan.ttl_seconds),
            duration(plan.publish_seconds),
            f"{plan.mean_seconds:.0f} s",
            f"{plan.longest_seconds:.0f} s",
        )
    yield stale
    yield f"{found.staleness[0].trials} revocations each, at a random moment, by a clock that is moved by hand."
    yield ""


def _requests(timing: Timing) -> Iterator[Table | str]:
    shown = tables.empty(
        f"{_TITLES[timing.part]} ({_replicates(timing)}; µs, bytes)",
        "request",
        "p25",
        "adds (95 %)",
        "to",
        "SQL",
        "header",
    )
    for row in timing.rows:
        shown.add_row(row.name, number(row.takes.estimate), *_added(row), *_facts(row))
    yield shown
    yield _control(timing)


def _calls(timing: Timing) -> Table:
    shown = tables.empty(f"{_TITLES[timing.part]} ({_replicates(timing)}; µs)", "call", "takes (95 %)")
    for row in timing.rows:
        shown.add_row(row.name, interval(row.takes))
    return shown


def _added(row: Timed) -> tuple[str, str]:
    return ("-", "") if row.adds is None else (interval(row.adds), row.over or "")


def _facts(row: Timed) -> tuple[str, str]:
    return ("-", "-") if row.facts is None else (str(row.facts.sql_statements), f"{row.facts.header_bytes:,}")


def _replicates(timing: Timing) -> str:
    return f"{len(timing.processes)} processes of {timing.rounds} rounds"


def _control(timing: Timing) -> str:
    return (
        f"A/A control: a copy differs by {interval(timing.control, signed=True)} µs of {number(timing.controlled)} "
        f"({100 * timing.control_level:.4g} % interval)."
    )

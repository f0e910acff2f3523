"""The section of a report that shows a result of `proposals`."""

from collections.abc import Iterator

from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import count, duration, figure, interval
from benchmarks.results.records.proposals import MLDSA, Proposals, StatusList, Timing


def section(found: Proposals) -> Section:
    """Return the tables of what was measured."""
    return Section(
        "proposals",
        "Proposals, measured",
        "What three standards would cost that no scheme here implements: the code is an example of the lab. A step "
        "adds to the row that is named behind it. Times are in µs and sizes in bytes.",
        grids=tuple(_grids(found)),
        doubts=doubts(found.verdict),
    )


def _grids(found: Proposals) -> Iterator[Grid]:
    if found.dpop:
        yield _requests("DPoP (RFC 9449): a request", found.dpop.timing)
    if found.ml_dsa:
        yield from _ml_dsa(found.ml_dsa)
    if found.status_list:
        yield from _status_list(found.status_list)


def _requests(title: str, timing: Timing) -> Grid:
    return Grid(
        title,
        ("request", "takes (95 %)", "adds (95 %)", "to", "SQL", "header"),
        tuple(
            (
                Field(row.name),
                Field(interval(row.takes)),
                Field(interval(row.adds) if row.adds else "–"),
                Field(row.over or "–"),
                Field(count(row.facts.sql_statements if row.facts else None)),
                Field(count(row.facts.header_bytes if row.facts else None)),
            )
            for row in timing.rows
        ),
    )


def _calls(title: str, timing: Timing) -> Grid:
    rows = ((Field(row.name), Field(interval(row.takes)), Field(interval(row.mean))) for row in timing.rows)
    return Grid(title, ("call", "takes (95 %)", "mean (95 %)"), tuple(rows))


def _ml_dsa(found: MLDSA) -> Iterator[Grid]:
    yield Grid(
        "ML-DSA (RFC 9964): bytes of an access token",
        ("algorithm", "header line", "token", "signature", "public key"),
        tuple(
            (
                Field(each.algorithm),
                *(Field(count(size)) for size in (each.header_line, each.token, each.signature)),
                Field(count(each.public_key or None)),
            )
            for each in found.tokens
        ),
    )
    yield _calls("ML-DSA: signing and verifying", found.timing)
    yield Grid(
        "Who passes such a header (bytes of the Authorization line)",
        ("server", "does not pass", "largest passed", "then", "limited by"),
        tuple(
            (
                Field(f"{each.name} {each.version}"),
                Field(
                    ", ".join(f"{name}: {answer}" for name, answer in each.answers.items() if answer != "200") or "–"
                ),
                Field(count(each.largest_passed)),
                Field("–" if each.refused_with is None else each.refused_with),
                Field(each.limit),
            )
            for each in found.servers
        ),
        prose=True,
    )


def _status_list(found: StatusList) -> Iterator[Grid]:
    yield Grid(
        f"Token Status List: bytes for {found.logins:,} logins",
        ("revoked", "raw", "zlib", "base64url", "JWT"),
        tuple(
            (
                Field(f"{each.revoked_share:.1%}"),
                Field(count(each.raw)),
                *(Field(figure(size)) for size in (each.zlib, each.lst, each.token)),
            )
            for each in found.sizes
        ),
    )
    yield _requests("Token Status List: a request", found.requests)
    yield _calls("Token Status List: publishing and reading it", found.work)
    yield Grid(
        "How long a revoked login goes on",
        ("kept for (ttl)", "published every", "mean", "longest"),
        tuple(
            (
                Field(duration(each.ttl_seconds)),
                Field(duration(each.publish_seconds)),
                Field(f"{each.mean_seconds:.0f} s"),
                Field(f"{each.longest_seconds:.0f} s"),
            )
            for each in found.staleness
        ),
    )

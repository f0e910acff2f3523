"""The section of a report that shows a result of `wire`."""

from benchmarks.reporting import overheads
from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import interval
from benchmarks.results.records.wire import Beside, Wire
from benchmarks.stats.overhead import Table


def section(wire: Wire) -> Section:
    """Return what each scheme adds over HTTP, compared with in process."""
    stock = frozenset(contender.name for contender in wire.contenders if contender.is_stock)
    server = str(wire.service.get("server", "")).partition(" ")[0]
    unlike = tuple(f"Unlike {wire.beside_file}: {line}." for line in wire.unlike)
    return Section(
        "wire",
        "Over HTTP",
        "Microseconds that a scheme adds to a request over TCP to a real server"
        f"{f' ({server})' if server else ''}, one at a time, and to the same request in process. Over HTTP the server "
        "also reads and parses the line that carries the credential.",
        tuple(overheads.forest(f"wire-{index}", table, stock) for index, table in enumerate(wire.tables)),
        (
            *(_beside(table, wire.beside) for table in wire.tables if any(row.url == table.url for row in wire.beside)),
            *(overheads.contests(table) for table in wire.tables if table.contests),
        ),
        doubts=doubts(wire.verdict),
        notes=unlike,
    )


def _beside(table: Table, rows: tuple[Beside, ...]) -> Grid:
    words = {"equivalent": f"the same within {table.margin_us:g}", "inconclusive": "not shown"}
    return Grid(
        f"{table.url}: over HTTP and in process, in µs; anonymous: its whole request; all others: what they add",
        ("contender", "over HTTP (95 %)", "in process (95 %)", "difference (95 %)", "verdict"),
        tuple(
            (
                Field(row.name),
                Field(interval(row.wire)),
                Field(interval(row.in_process)),
                Field(interval(row.difference, signed=True)),
                Field(words.get(row.verdict, "more over HTTP" if row.difference.estimate > 0 else "less over HTTP")),
            )
            for row in rows
            if row.url == table.url
        ),
    )

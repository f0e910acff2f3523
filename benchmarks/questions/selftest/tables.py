"""The table and the remarks that the command `selftest` shows."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table

from benchmarks.questions.selftest import campaign
from benchmarks.questions.selftest import run as selftest


def of(lines: Sequence[selftest.Line]) -> Table:
    """Return a table with a line for each question: its rate, and the bounds of an honest lab."""
    shown = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading, justify in (("", "left"), ("contests", "right"), ("rate", "right"), ("bound", "right"), ("", "left")):
        shown.add_column(heading, justify=justify)
    for line in lines:
        shown.add_row(
            line.question,
            str(line.contests),
            f"{line.rate:.1%}" if line.contests else "-",
            f"{line.low:.0%} to {line.high:.0%}" if line.low < line.high else f"{line.low:.0%}",
            {True: "pass", False: "FAIL", None: f"too few (needs {line.least})"}[line.passed],
        )
    return shown


def remarks(records: Sequence[campaign.Record], refused: Mapping[str, str | None], rounds: int) -> list[str]:
    """Return a line for each misbehaving contender, and one about the campaign."""
    sizes = ", ".join(f"{name} took {selftest.planted(records, name):.2f} µs" for name in campaign.PLANTED)
    return [
        *(f"{'refused' if refusal else 'TIMED'}: {name}: {refusal or '-'}" for name, refusal in refused.items()),
        "",
        f"{len(records)} processes of {rounds} rounds at {campaign.URL}, "
        f"{sum(record.seconds for record in records) / 60:.0f} minutes in all. Planted delays by the clock: {sizes}.",
    ]

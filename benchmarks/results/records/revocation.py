"""What `revocation` found: when a credential stops working."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from benchmarks.results.records.common import Record
from benchmarks.stats.verdicts import Verdict

Kind = Literal["at once", "within", "at access expiry", "at refresh expiry", "never", "-"]


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """When a token stops to work after an event; "-": there is no such event.

    `seconds`  from the event; of an expiry it may be left out
    `status`   of the refusal
    """

    kind: Kind
    seconds: float | None = None
    status: int | None = None

    def __post_init__(self):
        if self.kind == "within" and self.seconds is None:
            raise ValueError("within how many seconds?")


@dataclass(frozen=True, slots=True)
class Cell(End):
    """The End of the credential, and that of the refresh token where there is one. `how` is for this scheme."""

    refresh: End | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """How long the tokens of a scheme live without any event; None: for ever, or there is none."""

    scheme: str
    cells: dict[str, Cell]
    access_seconds: float | None = None
    refresh_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """In another process than the one in which it happened; `alone` without Valkey, the others measured with it."""

    scheme: str
    event: str
    alone: End
    with_valkey_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Revocation(Record):
    """`elsewhere` has the schemes that answer from memory."""

    command: ClassVar[str] = "revocation"

    events: tuple[Event, ...]
    rows: tuple[Life, ...]
    elsewhere: tuple[Delay, ...] = ()
    verdict: Verdict | None = None

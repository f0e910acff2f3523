"""The parts that every result has: the head, and the base class of what stands below it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine, the interpreter and the checkout that made a result. None: unknown.

    `load_average`  over 1, 5 and 15 minutes, before the run
    """

    python: str
    processor: str
    cores: int | None
    kernel: str
    packages: dict[str, str]
    load_average: tuple[float, ...] = ()
    commit: str | None = None
    uncommitted_changes: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a result. `service`: database, connection and switches, if one was measured."""

    date: str
    environment: Environment
    command_line: tuple[str, ...] = ()
    service: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """What one command found, as its result file holds it below the head.

    Times are in microseconds unless a name says otherwise.
    """

    command: ClassVar[str]

"""What `proposals` found: measurements of standards that no row of the scheme table implements."""

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.messages import Facts
from benchmarks.results.records.measured import Measured
from benchmarks.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Timed:
    """A request or a call.

    `takes`  25th percentile of a block
    `mean`   of all kept calls
    `over`   what it is compared with; None: nothing
    `adds`   what it takes more than that
    `facts`  what is counted of one request; None: it is no request
    """

    name: str
    takes: Interval
    mean: Interval
    over: str | None
    adds: Interval | None
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class Timing:
    """What was timed in the same processes.

    `part`       what these processes timed
    `control`    a copy minus what it is a copy of, at `control_level`; `controlled` takes that long
    `waited`     share of their time (0 to 1) that the processes waited for a processor
    `processes`  for each: contender -> 25th percentile of each of its blocks, in ns
    """

    part: str
    rows: tuple[Timed, ...]
    control: Interval
    control_level: float
    controlled: float
    rounds: int
    block: int
    drop: int
    waited: float
    processes: tuple[dict[str, list[float]], ...]


@dataclass(frozen=True, slots=True)
class DPoP:
    """The measurement of DPoP (RFC 9449). `missing`: what could not be measured here, and why."""

    timing: Timing
    missing: str = ""


@dataclass(frozen=True, slots=True)
class TokenBytes:
    """How large an access token is, in bytes.

    `header_line`  the line that carries it, with its end (HTTP/1.1)
    `signature`    the part of the token after its last dot
    `public_key`   the text of the public key in a JWK; 0: there is none
    """

    algorithm: str
    header_line: int
    token: int
    signature: int
    public_key: int


@dataclass(frozen=True, slots=True)
class Served:
    """What a server or proxy does with large headers.

    `limit`             the setting that limits them, with its value
    `answers`           token -> status of the answer; "cut": something else arrived behind it;
                        "closed": it hung up without an answer; "silent": it gave none
    `largest_passed`    bytes of the largest Authorization line that passed
    `smallest_refused`  bytes of the smallest one that did not, with its answer; None: the largest
                        that was tried passed
    """

    name: str
    version: str
    limit: str
    answers: dict[str, str]
    largest_passed: int
    smallest_refused: int | None
    refused_with: str | None


@dataclass(frozen=True, slots=True)
class MLDSA:
    """The measurement of ML-DSA (FIPS 204, RFC 9964).

    `library`    what computes it
    `missing`    why it could not be measured here; empty: it was
    `not_tried`  servers and proxies that could not be tried, and why
    """

    library: str
    missing: str
    tokens: tuple[TokenBytes, ...]
    servers: tuple[Served, ...]
    not_tried: tuple[str, ...]
    timing: Timing


@dataclass(frozen=True, slots=True)
class ListBytes:
    """How large a list is, in bytes, if this share (0 to 1) of its logins is revoked.

    `raw`    one bit for each login
    `zlib`   compressed
    `lst`    the same as base64url
    `token`  the signed JWT that holds it
    """

    revoked_share: float
    raw: int
    zlib: Interval
    lst: Interval
    token: Interval


@dataclass(frozen=True, slots=True)
class Staleness:
    """How long a revoked login was still accepted, in seconds.

    `ttl_seconds`      how long a reader keeps a list
    `publish_seconds`  how often the issuer publishes a new one
    `trials`           logins that were revoked at a random moment
    """

    ttl_seconds: int
    publish_seconds: int
    trials: int
    mean_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class StatusList:
    """The measurement of a Token Status List.

    `list_bytes`   what a reader keeps of the whole list
    `login_bytes`  what `jwt-pushed` keeps of each login that it remembers
    """

    logins: int
    sizes: tuple[ListBytes, ...]
    list_bytes: int
    login_bytes: float
    requests: Timing
    work: Timing
    staleness: tuple[Staleness, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals(Measured):
    """The result of `proposals`. None: it was not asked for."""

    command: ClassVar[str] = "proposals"

    plan: dict[str, Any]
    dpop: DPoP | None = None
    ml_dsa: MLDSA | None = None
    status_list: StatusList | None = None

"""What a run ran on: machine, packages, checkout, steal time."""

import os
import platform
import subprocess
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, thread_time

from benchmarks.contenders.lineup import THIRD_PARTIES

PACKAGES = (
    "Django",
    "djangorestframework",
    "djangorestframework-simplejwt",
    "PyJWT",
    "cryptography",
    "psycopg",
)

NAMED = 3  # programs that use the processors are named,
NAMED_FROM = 0.1  # if they use as much of one

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """The time of all processors since boot, in clock ticks.

    `wanted`  the processors had work
    `stolen`  they had work, and the hypervisor did not run them
    """

    wanted: int
    stolen: int


def processor_time() -> ProcessorTime | None:
    """Read the processor time; None where there is no /proc/stat (proc(5))."""
    try:
        line = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    except OSError:
        return None
    # user nice system idle iowait irq softirq steal
    user, nice, system, _, _, irq, softirq, stolen = map(int, line.split()[1:9])
    return ProcessorTime(user + nice + system + irq + softirq + stolen, stolen)


def steal(before: ProcessorTime | None, after: ProcessorTime | None) -> float | None:
    """Return the share (0 to 1) of the wanted processor time that the hypervisor gave to others."""
    if before is None or after is None or after.wanted == before.wanted:
        return None
    return (after.stolen - before.stolen) / (after.wanted - before.wanted)


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the machine is before a run.

    `average`  load average over the last minute
    `share`    the share of a processor (0 to 1) that one busy thread gets
    `busiest`  name of a program -> the processors that it uses; other programs, busiest first
    """

    average: float
    processors: int
    share: float
    busiest: dict[str, float]

    @property
    def sentence(self) -> str:
        """Return what a reader must know before the run."""
        names = ", ".join(f"{name} ({use:.0%})" for name, use in self.busiest.items())
        return (
            f"Load {self.average:.1f} on {self.processors} processors; a busy thread gets {self.share:.0%} of one."
            f"{f' What uses them, in % of one: {names}.' if names else ''}"
        )


def look_around(seconds: float = 0.3) -> Load:
    """Find out how busy the machine is, by keeping a processor busy for `seconds`."""
    before, wall, run = _program_seconds(), perf_counter(), thread_time()
    while perf_counter() < wall + seconds:
        pass
    run, wall = thread_time() - run, perf_counter() - wall
    used: Counter[str] = Counter()
    for process, (name, ran) in _program_seconds().items():
        if process != os.getpid():  # what has begun since then has run for no longer than that
            used[name] += (ran - before.get(process, (name, 0.0))[1]) / wall
    busiest = {name: use for name, use in used.most_common(NAMED) if use >= NAMED_FROM}
    return Load(os.getloadavg()[0], os.cpu_count() or 1, min(1.0, run / wall), busiest)


def _program_seconds() -> dict[int, tuple[str, float]]:
    """Return the name and processor time of each process; empty without /proc.

    The kernel's threads change their names with their work; only the part before the slash stays.
    """
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "stat").read_text("utf-8", "replace")
        except OSError:  # it has ended
            continue
        # The name stands in parentheses and may contain some itself. See proc(5) for the rest.
        name, _, rest = line.partition("(")[2].rpartition(")")
        user, system = rest.split()[11:13]
        seconds = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        found[int(folder.name)] = name.partition("/")[0], seconds
    return found


def describe() -> dict:
    """Describe this machine, interpreter and checkout."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: found for name in _packages() if (found := _version(name))},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average": list(os.getloadavg()),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": _git("status", "--porcelain") not in ("", None),
    }


def _packages() -> list[str]:
    return [*PACKAGES, *dict.fromkeys(each.package for each in THIRD_PARTIES)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _git(*arguments: str) -> str | None:
    """Return what git says about this checkout; None without git or a checkout."""
    try:
        result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()

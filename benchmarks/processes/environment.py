"""What a run ran on: machine, packages, checkout, steal time."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.contenders.lineup import THIRD_PARTIES

PACKAGES = (
    "Django",
    "djangorestframework",
    "djangorestframework-simplejwt",
    "PyJWT",
    "cryptography",
    "psycopg",
)

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

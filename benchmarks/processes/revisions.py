"""The service at an earlier git revision, in a folder from which processes of this lab can run."""

import io
import os
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import start

# The service's packages, of which an early revision has fewer.
SERVICE = ("config", "telemetry", "tokens", "jwt_auth", "tracks", "auth_core")


class RevisionError(Exception):
    """A revision that does not exist, or that this lab cannot drive; the message says why."""


def commit(revision: str) -> str:
    """Return the whole name of the commit.

    Raises RevisionError if there is none, or if it has no service.
    """
    name = git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    if "config" not in _packages(name):
        raise RevisionError(f"revision {revision} has no config/, and so no service that this lab could drive")
    return name


def lay_out(commit: str, folder: Path):
    """Copy the service's packages at that commit into `folder`, which is made.

    A package that the revision does not have becomes a module that cannot be imported: Python would
    take this checkout's. Raises RevisionError.
    """
    packages = _packages(commit)
    with zipfile.ZipFile(io.BytesIO(git("archive", "--format=zip", commit, "--", *packages))) as archive:
        archive.extractall(folder)
    for package in set(SERVICE) - set(packages):
        why = f"No module named {package!r} at this revision"
        (folder / f"{package}.py").write_text(f"raise ModuleNotFoundError({why!r}, name={package!r})\n")


@contextmanager
def driving(earlier: bool = True) -> Iterator[None]:
    """Raise RevisionError if an earlier revision's service fails; pass on other failures."""
    try:
        yield
    except start.WorkerRefusedError as refusal:
        if not earlier:
            raise
        raise RevisionError(f"at that revision: {refusal}") from None
    except start.WorkerFailedError as error:
        if not earlier:
            raise
        last = str(error).strip().rpartition("\n")[2]
        raise RevisionError(f"this lab cannot drive the service at that revision: {last}") from None


def _packages(commit: str) -> list[str]:
    folders = git("ls-tree", "-d", "--name-only", commit).decode().split()
    return [package for package in SERVICE if package in folders]


def git(*arguments: str, folder: Path | None = None, variables: Mapping[str, str] | None = None) -> bytes:
    """Return what git prints in `folder`; None: in this checkout. Raises RevisionError."""
    command, environment = ["git", *arguments], os.environ | (variables or {})
    try:
        done = subprocess.run(command, cwd=folder or start.ROOT, env=environment, capture_output=True, check=True)
    except FileNotFoundError:
        raise RevisionError("git is not installed") from None
    except subprocess.CalledProcessError as error:
        raise RevisionError(error.stderr.decode(errors="replace").strip()) from None
    return done.stdout

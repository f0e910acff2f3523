"""Small file systems that are soon full. Linux and root only."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import servers


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Yield a folder that is a file system of this size (tmpfs(5)).

    Skip the test where none can be mounted.
    """
    folder = servers.temporary_folder()
    try:
        _mount(folder, size)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def resize(folder: Path, size: str):
    """Give a small_disk another size."""
    _mount(folder, f"{size},remount")


def _mount(folder: Path, options: str):
    command = ["mount", "-t", "tmpfs", "-o", f"size={options}", "tmpfs", folder]
    subprocess.run(command, check=True, capture_output=True)

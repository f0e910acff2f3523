"""Copies of the project to run commands in, with the environment of this test run.

Otherwise make would install one for each.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import servers


def repository(folder: Path) -> Path:
    """Make a repository of the project as it lies here, committed or not, and return its folder."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=servers.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in files:
        if (servers.ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(servers.ROOT / name, folder / name)
    commit(folder, "git init --quiet && git add --all")
    return folder


def commit(folder: Path, prepare: str):
    """Run a shell command in a repository and commit, even if nothing has changed."""
    names = "-c user.name=ada -c user.email=ada@example.org -c commit.gpgsign=false"
    command = f"{prepare} && git {names} commit --quiet --allow-empty --message version"
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)


def use_this_environment(checkout: Path):
    """Fill .venv with links to this environment and make's stamps, so make installs nothing."""
    environment = checkout / ".venv"
    if not environment.exists():
        link_this_environment(environment)
        for requirements in (checkout / "requirements").glob("*.txt"):
            stamp = environment / requirements.stem
            stamp.unlink(missing_ok=True)
            stamp.touch()


def link_this_environment(folder: Path):
    """Make a folder of links to this environment, unless it exists."""
    if not folder.exists():
        folder.mkdir()
        for part in Path(sys.prefix).iterdir():
            (folder / part.name).symlink_to(part)

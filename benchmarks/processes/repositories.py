"""Somebody's git repository at two revisions, in folders from which Python imports its packages.

The repository is read, never changed: git gets an index file of its own.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import revisions, start
from benchmarks.processes.revisions import RevisionError


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, and the folder in it from which Python imports.

    `top`     the repository's working tree
    `inside`  the folder to import from, relative to `top`
    """

    top: Path
    inside: str

    @classmethod
    def around(cls, folder: Path) -> "Repository":
        """Return the repository that holds `folder`. Raises RevisionError if none does."""
        try:
            top = Path(revisions.git("rev-parse", "--show-toplevel", folder=folder).decode().rstrip("\n"))
        except RevisionError as error:
            raise RevisionError(f"{folder}: {error}") from None
        return cls(top, str(folder.resolve().relative_to(top.resolve())))

    def commit(self, revision: str) -> str:
        """Return the whole name of the commit. Raises RevisionError if there is none."""
        try:
            return revisions.git("rev-parse", "--verify", f"{revision}^{{commit}}", folder=self.top).decode().strip()
        except RevisionError as error:
            raise RevisionError(
                f"{revision}: no such commit in {self.top}; a clone of little depth may lack it ({error})"
            ) from None

    def is_changed(self) -> bool:
        """Return True if the working tree differs from its commit."""
        return bool(revisions.git("status", "--porcelain", folder=self.top))

    def lay_out(self, commit: str, folder: Path) -> Path:
        """Copy the repository at `commit` into `folder`; return the folder in it to import from."""
        folder.mkdir()
        variables = {"GIT_INDEX_FILE": str(folder.with_suffix(".index"))}
        revisions.git("read-tree", commit, folder=self.top, variables=variables)
        revisions.git("checkout-index", "--all", f"--prefix={folder}/", folder=self.top, variables=variables)
        return self._inside(folder)

    def copy(self, folder: Path) -> Path:
        """Copy the working tree into `folder`; return the folder in it to import from.

        Files that git ignores are left out, because they are in no commit either.
        """
        listed = revisions.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=self.top)
        for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
            source, copied = self.top / name, folder / name
            if source.is_symlink() or source.is_file():  # neither a deleted file nor a submodule
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copied, follow_symlinks=False)
        return self._inside(folder)

    def _inside(self, folder: Path) -> Path:
        found = folder / self.inside
        found.mkdir(parents=True, exist_ok=True)  # a revision may lack the folder to import from
        return found


def shadowed(module: str) -> bool:
    """Return True if the lab has a package of that name, so that Python would import the lab's."""
    return (start.ROOT / module.partition(".")[0] / "__init__.py").is_file()

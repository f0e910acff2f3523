"""Functions that read commands from Markdown, run them in one shell, and compare the output."""

import re
import subprocess

from tests.support import processes, servers


def page(name: str) -> str:
    """Return the text of a document, named by its path from the project's root."""
    return (servers.ROOT / name).read_text("utf-8")


def blocks(language: str, text: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """Return the sections of a page by their headings, in their order."""
    return dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))


def commands(text: str) -> list[tuple[str, str]]:
    """Return (command, shown output) for each `$ ` line.

    A line that begins with `> ` continues the command.
    """
    found = []
    for block in blocks("console", text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *rest = part.splitlines()
            more = [line.removeprefix("> ") for line in rest if line.startswith("> ")]
            found.append(("\n".join((first, *more)), "\n".join(rest[len(more) :]).strip()))
    return found


def is_shown(shown: str, output: str) -> bool:
    """Return True if the output ends with what the page shows, or the page shows nothing.

    `…` stands for any text.
    """
    if not shown:
        return True
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.search(rf"(?:^|\n){pattern}$", output, re.DOTALL) is not None


class Shell:
    """One bash for several commands, because a command uses variables that earlier ones set."""

    def __init__(self, environment: dict[str, str], folder=None):
        self._group = processes.group(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=folder,
        )
        self._bash = self._group.__enter__()

    def run(self, command: str) -> tuple[int, str]:
        """Return the exit code and the output."""
        self._bash.stdin.write(f"{command}\nEND=$?; echo; echo END $END\n")
        self._bash.stdin.flush()
        lines = []
        for line in self._bash.stdout:
            if line.startswith("END "):
                return int(line.split()[1]), "".join(lines).strip()
            lines.append(line)
        raise AssertionError(f"the shell ended: {''.join(lines)}")

    def close(self):
        """End bash and all that it started."""
        try:
            self._bash.stdin.close()
            self._bash.wait(timeout=10)  # seconds
        finally:
            self._group.__exit__(None, None, None)


def run_all(text: str, shell: Shell, replace: dict[str, str]) -> list[str]:
    """Run a page's commands in their order and return the outputs.

    Fail unless each prints what the page shows.
    """
    outputs = []
    for command, shown in commands(text):
        for there, here in replace.items():
            command, shown = command.replace(there, here), shown.replace(there, here)
        code, output = shell.run(command)
        assert code == 0, (command, output)
        assert is_shown(shown, output), (command, shown, output)
        outputs.append(output)
    return outputs

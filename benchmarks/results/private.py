"""What a result says about the person who measured, and is left out before others read it.

The command line may hold paths and the address of a database, and the kernel's name a suffix that
its builder chose. Everything else in a result was measured, or is chosen in this repository.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HIDDEN = "(not shown)"
# A first folder that no path of the service begins with.
_FOLDERS = "Users|Volumes|builds|etc|home|media|mnt|nix|opt|private|proc|root|run|srv|tmp|usr|var|workspace|workspaces"
_PRIVATE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+"  # an address
    rf"|(?<![\w./])/(?:{_FOLDERS})/[^\s'\",;:)]*"
    r"|(?<!\w)[A-Za-z]:\\[^\s'\",;)]*"
)
_RELEASE = re.compile(r"\S+ \d+(?:\.\d+)*")
_HARMLESS = re.compile(r"[^/\\]*")


def left_out(document: dict[str, Any], host: str = "", checkout: Path | None = None) -> dict[str, Any]:
    """Return a result without what is private.

    `host`      the name of the machine; a name below three letters is too short to look for
    `checkout`  the folder in which the result was measured
    """
    words = [re.escape(f"{checkout}") + r"[^\s'\",;:)]*"] if checkout else []
    words += [rf"\b{re.escape(host)}\b"] if len(host) > 2 and host != "localhost" else []
    named = re.compile("|".join(words) or r"(?!)")

    def clean(value: Any, is_head: bool) -> Any:
        if isinstance(value, str):
            shown = _PRIVATE.sub(HIDDEN, value)
            return named.sub(HIDDEN, shown) if is_head else shown
        if isinstance(value, list):
            return [clean(each, is_head) for each in value]
        if isinstance(value, dict):
            return {name: clean(each, is_head) for name, each in value.items()}
        return value

    # A host's name may be a word that contenders have too: it is looked for in the head alone.
    found = {name: clean(value, name in ("environment", "service")) for name, value in document.items()}
    found["command_line"] = command_line(document.get("command_line", ()))
    kernel = document["environment"]["kernel"]
    numbers = _RELEASE.match(kernel)
    found["environment"]["kernel"] = numbers[0] if numbers else HIDDEN
    return found


def command_line(words: Sequence[str]) -> list[str]:
    """Return a command line without paths: options, names, numbers and the URLs to GET."""
    shown = []
    before = ""
    for number, word in enumerate(words):
        option, is_joined, value = word.partition("=")
        if not number:
            shown.append("benchmarks")
        elif _HARMLESS.fullmatch(word) or _is_request(before, word):
            shown.append(word)
        elif is_joined and option.startswith("--"):
            shown.append(word if _is_request(option, value) else f"{option}={HIDDEN}")
        else:
            shown.append(HIDDEN)
        before = word
    return shown


def _is_request(option: str, value: str) -> bool:
    return option == "--url" and value.startswith("/") and not _PRIVATE.search(value)

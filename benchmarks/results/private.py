"""What a result says about the person who measured, and is left out before others read it.

The command line may hold paths and the address of a database, an error may name a file or a
computer, and the kernel's name has a suffix that its builder chose. So no text of a result keeps a
path that begins at the root, except the URLs that it requested, nor an address.
"""

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HIDDEN = "(not shown)"
# A first folder that no path of the service begins with.
_FOLDERS = "Users|Volumes|builds|etc|home|media|mnt|nix|opt|private|proc|root|run|srv|tmp|usr|var|workspace|workspaces"
_OF_SYSTEM = re.compile(rf"/(?:{_FOLDERS})/")
_PATH = r"/[^\s'\",;)]+(?: [^\s'\",;)/]*/[^\s'\",;)]*)*"  # a folder's name may hold a space
_PRIVATE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+"  # an address
    r"|(?<=')(?:[A-Za-z]:[\\/]|\\\\)[^']*|(?<=\")(?:[A-Za-z]:[\\/]|\\\\)[^\"]*"
    r"|(?<!\w)[A-Za-z]:\\[^\s'\",;)]*"
    r"|\\\\[^\s'\",;)]+"  # of a file server
    r"|(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w)"
)
_SERVICE = r"/(?:api-token-auth|api/token|whoami|tracks)/[a-z/-]*"  # paths that this repository chose
_SIX = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d+\.){3}\d+|[0-9A-Fa-f]{0,4})(?![\w:])")
_RELEASE = re.compile(r"\S+ \d+(?:\.\d+)*")
_TEXTS = ("no_base",)  # the words of an error elsewhere than in the head
_HARMLESS = re.compile(r"[^/\\]*")


def left_out(document: dict[str, Any], host: str = "", checkout: Path | None = None) -> dict[str, Any]:
    """Return a result without what is private.

    `host`      the name of the machine; a name below three letters is too short to look for
    `checkout`  the folder in which the result was measured
    """
    folder = re.compile(re.escape(f"{checkout}") + r"[^\s'\",;:)]*" if checkout else r"(?!)")
    named = re.compile(rf"\b{re.escape(host)}\b" if len(host) > 2 and host != "localhost" else r"(?!)")
    requests = sorted(_requests(document), key=len, reverse=True)
    own = "|".join((*map(re.escape, requests), _SERVICE))
    path = re.compile(
        rf"(?<![\w./)])(?:(?P<own>(?:{own})(?![^\s'\",;:.)]))|(?<=')/[^']*(?=')|(?<=\")/[^\"]*(?=\")|{_PATH})"
    )

    def text(value: str, is_head: bool) -> str:
        shown = _SIX.sub(_six, _PRIVATE.sub(HIDDEN, folder.sub(HIDDEN, value)))
        shown = path.sub(lambda found: found[0] if found["own"] else HIDDEN, shown)
        return named.sub(HIDDEN, shown) if is_head else shown

    def clean(value: Any, is_head: bool) -> Any:
        if isinstance(value, str):
            return text(value, is_head)
        if isinstance(value, list):
            return [clean(each, is_head) for each in value]
        if isinstance(value, dict):
            return {text(name, False): clean(each, is_head or name in _TEXTS) for name, each in value.items()}
        return value

    # A host's name may be a word that contenders have too: it is looked for in the head alone.
    found = {name: clean(value, name in ("environment", "service")) for name, value in document.items()}
    found["command_line"] = command_line(document.get("command_line", ()))
    kernel = document["environment"]["kernel"]
    numbers = _RELEASE.match(kernel)
    found["environment"]["kernel"] = numbers[0] if numbers else HIDDEN
    return found


def _requests(value: Any) -> set[str]:
    """Return the URLs that a result says it requested. They are paths too, and no secret."""
    if isinstance(value, list):
        return {each for part in value for each in _requests(part)}
    if not isinstance(value, dict):
        return set()
    found = {each for part in value.values() for each in _requests(part)}
    url = value.get("url")
    return found | ({url} if isinstance(url, str) and _is_request("--url", url) else set())


def _six(found: re.Match[str]) -> str:
    """Return what is shown for what may be an address of IPv6: a time of day is none."""
    try:
        ipaddress.IPv6Address(found[0])
    except ValueError:
        return found[0]
    return HIDDEN


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
    return option == "--url" and value.startswith("/") and not (_PRIVATE.search(value) or _OF_SYSTEM.match(value))

"""Read ENV_FILE: lines of NAME=value for switches that the environment does not set."""

import re
from collections.abc import MutableMapping
from pathlib import Path

from config.switches import SWITCHES, SwitchError, nearest

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_0-9]+)\s*=(.*)")
_DEFAULT = SWITCHES["ENV_FILE"].default


def load(environment: MutableMapping[str, str], folder: Path) -> frozenset[str]:
    """Set the switches of ENV_FILE that the environment leaves unset, and return their names.

    A relative path starts at `folder`. Only the default file may be missing. ENV_FILE= means none.
    Raise SwitchError for a file that cannot be read, and for the first line that cannot.
    """
    name = environment.get("ENV_FILE", _DEFAULT)
    if not name:
        return frozenset()
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and "ENV_FILE" not in environment:
            return frozenset()
        raise SwitchError(f"ENV_FILE={str(path)!r}: {error.strerror}; allowed: a file that can be read") from None
    try:
        values = parse(data)
    except ValueError as error:
        raise SwitchError(f"ENV_FILE={str(path)!r}: {error}") from None
    unset = values.keys() - environment.keys()
    environment.update((name, values[name]) for name in unset)
    return frozenset(unset)


def parse(data: bytes) -> dict[str, str]:
    """Return each switch's text by its name.

    A value may stand in quotes. In double quotes, a backslash is dropped before any character but
    r, n and t. Raise ValueError with the number of the line and the name of its switch. The message
    holds no more of the line, which may contain a secret.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"line {number}: it is not UTF-8") from None
    values, numbers = {}, {}
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        line = line.lstrip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            word = re.match(r"(?:export\s+)?(\w*)", line)[1]
            raise ValueError(
                f"line {number}: {word + ': ' if word in SWITCHES else ''}allowed: NAME=value, # a comment"
            )
        name, value = match.groups()
        if name not in SWITCHES:
            near = nearest(name)
            raise ValueError(
                f"line {number}: no switch has this name; "
                + (f"did you mean {near}?" if near else f"allowed: {', '.join(SWITCHES)}")
                + "; set variables of other programs in the environment"
            )
        if name == "ENV_FILE":
            raise ValueError(f"line {number}: ENV_FILE: it is read from the environment only")
        if name in values:
            raise ValueError(f"line {number}: {name}: line {numbers[name]} has set it already")
        try:
            values[name] = _value(value, SWITCHES[name].is_verbatim)
        except ValueError as error:
            raise ValueError(f"line {number}: {name}: {error}") from None
        numbers[name] = number
    return values


def _value(text: str, is_verbatim: bool) -> str:
    """Return the value after the `=` of a line. Raise ValueError if the text is ambiguous."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError("a control character")
    bare = text.strip()
    if quote := re.match("['\"]", bare):
        if len(bare) < 2 or bare[-1] != quote[0]:
            raise ValueError(
                "a value that begins with a quote must end with it, on the same line; "
                "write a comment on its own line, and a PEM text with \\n for its line ends or as file:PATH"
            )
        return re.sub(r"\\([^rnt])", r"\1", bare[1:-1]) if quote[0] == '"' else bare[1:-1]
    if re.search(r"\s#", text):
        raise ValueError("write a comment on its own line; a value that has # after a blank needs quotes")
    if is_verbatim and bare != text:
        raise ValueError("a blank before or after the value; remove it, or write quotes if it belongs to the value")
    return bare

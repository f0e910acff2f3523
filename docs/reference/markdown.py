"""Pieces of the generated pages."""

import inspect
import re
import textwrap

HEAD = "<!-- Generated: change the code, then run `make reference`. -->\n"


def code(text: str) -> str:
    """Return `text` as a code span, whatever it contains."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(' '.join(c.split()).replace('|', chr(92) + '|') for c in row)} |\n" for row in lines)


def wrapped(text: str) -> str:
    """Return a page with its prose in lines of at most 100 columns. Tables and code stay."""
    prose = r"^(- )?(?:(?![|#<]|- |    ).+(?:\n|\Z))+"

    def fill(match: re.Match[str]) -> str:
        indent = "  " if match[1] else ""
        return textwrap.fill(match[0], 100, subsequent_indent=indent, break_on_hyphens=False) + "\n"

    return re.sub(prose, fill, text, flags=re.MULTILINE)


def sentence(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())

"""Somebody's text in Markdown, where it must not act: no markup, no link, nobody mentioned."""

import re

from benchmarks.reporting.wording import short

# The complement of letters, digits and signs that Markdown gives no meaning within a line.
ACTING = re.compile(r"(?!(?<=[0-9])\.[0-9]|[.:] |\.$)[^\w ,;()%'=+]|_")


def text(words: str, most: int = 200) -> str:
    """Return one line that Markdown shows as it is: each sign that could act becomes an entity."""
    return ACTING.sub(lambda sign: f"&#{ord(sign[0])};", short(words, most))


def code(words: str, most: int = 200) -> str:
    """Return the words as code, in which GitHub looks for no names of people and no links."""
    return f"<code>{text(words, most)}</code>"

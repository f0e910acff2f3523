"""The list of documents for programs that read: llms.txt, in the form of llmstxt.org."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_THE_TOP = {
    "README.md": "The three rules of choice, the verdict, and how to run it.",
    "CONTRIBUTING.md": "How to change the code and test it.",
    "SECURITY.md": "How to report a vulnerability.",
    "CHANGELOG.md": "What each version does.",
}
TO_COPY = {
    "clients/httpx_auth.py": "Credentials for an httpx client, of both kinds.",
    "clients/fetch_auth.js": "The same for pages: one refresh at a time across tabs and workers.",
    "clients/fetch_auth.d.ts": "The types of `fetch_auth.js`.",
}


def llms() -> str:
    """Return llms.txt: the sections of docs/README.md, with a sentence about each page."""
    readme, index = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/README.md"))
    title = readme.partition("\n")[0]
    parts = [
        f"{title}\n\n> {_first_sentence(readme)}.\n\n"
        "Links are relative to this file. Tests run the commands of the tutorial and the how-to pages.\n"
    ]
    for heading, entries in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", index, re.DOTALL | re.MULTILINE):
        lines = [_entry(*found) for found in re.findall(r"^- \[(.*?)\]\((.*?)\)(.*(?:\n  .*)*)", entries, re.MULTILINE)]
        parts.append(f"## {heading}\n\n" + "".join(lines))
    for heading, files in (("Copy", TO_COPY), ("Optional", AT_THE_TOP)):
        lines = [f"- [{Path(name).name}]({name}): {text}\n" for name, text in files.items()]
        parts.append(f"## {heading}\n\n" + "".join(lines))
    return "\n".join(parts)


def _entry(link: str, target: str, after: str) -> str:
    """Return the line for an entry of docs/README.md.

    What follows a colon there is the sentence. Otherwise it is the page's first one.
    """
    said = " ".join(after.split())
    note = said.removeprefix(": ") if said.startswith(": ") else _first_sentence((ROOT / "docs" / target).read_text())
    return f"- [{' '.join(link.split())}](docs/{target}): {note[:1].upper()}{note[1:].rstrip('.')}.\n"


def _first_sentence(text: str) -> str:
    """Return the first sentence of a page's prose, without links, emphasis and its full stop."""
    paragraphs = re.split(r"\n\s*\n", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    first = next((each for each in paragraphs if each.strip() and not each.lstrip().startswith(("#", "|", "<"))), "")
    plain = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", " ".join(first.split())).replace("**", "")
    return re.split(r"(?<=[.:])\s", plain, maxsplit=1)[0].rstrip(".:")

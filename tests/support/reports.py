"""Functions that make reports of results and read them back."""

import re
from copy import deepcopy

from benchmarks.questions.report.reading import read
from benchmarks.questions.report.rules import choice
from benchmarks.questions.report.sections import absent, sections
from benchmarks.reporting import frontier
from benchmarks.reporting import page as report
from tests.support.question_results import (
    WRITERS,
)


def page_from(paths) -> bytes:
    found = read(paths, frontier.EVENTS)
    return report.html(found, choice(found), sections(found), absent(found))


def everything(mark=""):
    return [write(mark) for write in WRITERS.values()]


def rows_of(page, section, index=0):
    """Return a table of a section: the heading of each row -> its other cells, as they look."""
    table = re.sub(r'<span class="said">.*?</span>|</?span[^>]*>', "", page.source)
    table = table.split(f'id="{section}"')[1].split("</table>")[index]
    rows = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table))
    return {row[0]: row[1:] for row in rows}


def without(document, *path):
    document = deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return document


def having(document, value, *path):
    document = deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document

"""Every record in records/ can be read, keeps to the schema, is small and holds nothing private."""

import json
import re

import jsonschema
import pytest

from benchmarks.questions.site import page as site
from benchmarks.results import private, shared
from benchmarks.results.records.overhead import Tabulated
from benchmarks.results.schema import schema
from tests.support import servers

pytestmark = pytest.mark.once  # no database

FOLDERS = sorted(each for each in (servers.ROOT / "records").iterdir() if each.is_dir())
NAMES = [each.name for each in FOLDERS]


def test_there_are_records_of_different_databases_and_versions():
    indexes = [shared.read(folder).index for folder in FOLDERS]
    assert len(indexes) >= 3
    assert {each.database for each in indexes} >= {"SQLite", "PostgreSQL"}
    assert len({each.packages["Django"] for each in indexes}) > 1
    assert len({each.python for each in indexes}) > 1


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_record_can_be_read_and_its_index_matches(folder):
    assert shared.read(folder).index.name == folder.name


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_its_results_keep_to_the_schema(folder):
    for each in shared.read(folder).index.results:
        jsonschema.validate(json.loads((folder / each.file).read_text("utf-8")), schema())


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_it_is_conclusive_by_todays_rules_or_its_index_says_why_not(folder):
    stored = {each["file"]: each for each in json.loads((folder / shared.INDEX).read_text("utf-8"))["results"]}
    record = shared.read(folder)  # which judges each result again
    for each in record.index.results:
        assert each.conclusive == stored[each.file]["conclusive"], (each.file, each.reasons)
        result = record.results[each.file][1]
        if each.conclusive is False:
            assert stored[each.file]["reasons"], each.file
        elif isinstance(result, Tabulated):
            assert without_interval(result) == [], each.file


def without_interval(result: Tabulated) -> list[str]:
    """Return the rows whose stock row took part, but whose ratio to it has no interval."""
    return [
        f"{row.name} on {table.url}"
        for table in result.tables
        for row in table.rows
        if row.reference not in (None, row.name) and row.ratio is None
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_it_holds_nothing_private(folder):
    for each in shared.read(folder).index.results:
        document = json.loads((folder / each.file).read_text("utf-8"))
        assert private.left_out(document) == document, each.file
        assert not re.search(r"/(?:home|root|Users|tmp|work)\b", json.dumps(document))


def test_one_page_shows_them_all():
    page = site.html([shared.read(folder) for folder in FOLDERS]).decode("utf-8")
    assert [name for name in NAMES if f'<article id="{name}"' not in page] == []

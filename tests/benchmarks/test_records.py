"""Records: what `record` writes, leaves out and refuses, and what reading one refuses."""

import json
import re

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.questions.record.command import command, write
from benchmarks.results import files as results_files
from benchmarks.results import private, shared
from benchmarks.results.schema import schema
from tests.support import records
from tests.support.reports import having

pytestmark = pytest.mark.once  # no database


@pytest.fixture
def record(tmp_path, files):
    """Return a function that runs `record` on documents, and returns what it printed."""

    def run(*documents, options=(), code=0):
        arguments = [*map(str, files(*documents)), "--to", str(tmp_path / "records"), *options]
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == code, done.output
        return done.output

    return run


@pytest.fixture
def made(tmp_path):
    return records.make(tmp_path / "records", *records.results())


def read(folder, name="overhead.json"):
    return json.loads((folder / name).read_text("utf-8"))


# --- what is written ------------------------------------------------------------------------------


def test_a_record_is_named_after_the_day_and_the_machine(made):
    assert made.name == "2026-11-24-amd-epyc-2-cores"
    assert sorted(path.name for path in made.iterdir()) == [
        "flows.json",
        "overhead.json",
        "record.json",
        "revocation.json",
    ]
    found = shared.read(made)
    assert found.index.machine == "amd-epyc-2-cores"
    assert [(each.command, each.conclusive) for each in found.index.results] == [
        ("overhead", True),
        ("flows", True),
        ("revocation", None),
    ]


@pytest.mark.parametrize(
    ("processor", "name"),
    [
        ("Intel(R) Core(TM) i7-1185G7 CPU @ 3.00GHz", "intel-core-i7-1185g7"),
        ("AMD EPYC 7B13 64-Core Processor", "amd-epyc-7b13-64-core"),
        ("Apple M2", "apple-m2"),
        ("<b>../..</b>", "b-b"),
        ("", "unknown"),
    ],
)
def test_a_processors_name_becomes_part_of_a_folders_name(processor, name):
    assert shared.slug(processor) == name


def test_the_machine_can_be_named_and_a_label_tells_two_records_of_a_day_apart(record, tmp_path):
    record(*records.results())
    record(*records.results(), options=["--label", "again"])
    record(*records.results(), options=["--machine", "box"])
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == [
        "2026-11-24-amd-epyc-2-cores",
        "2026-11-24-amd-epyc-2-cores-again",
        "2026-11-24-box",
    ]


@pytest.mark.parametrize("word", ["My Laptop", "../x", "a--b", "-a", "Ä"])
def test_a_name_that_makes_no_folder_is_refused(record, word):
    for option in ("--machine", "--label"):
        assert f"{word!r}: small letters and digits" in record(*records.results(), options=[option, word], code=2)


def test_every_result_keeps_to_the_schema_and_loses_what_is_not_in_it(made):
    for name in ("overhead.json", "flows.json", "revocation.json"):
        document = read(made, name)
        jsonschema.validate(document, schema())
        assert "no field of the schema" not in document


def test_a_record_made_of_a_records_files_is_the_same(made, tmp_path):
    again = [read(made, each.file) for each in shared.read(made).index.results]
    other = records.make(tmp_path / "other", *again)
    for path in made.iterdir():
        assert (other / path.name).read_text("utf-8") == path.read_text("utf-8")


def test_two_results_of_a_command_have_two_files(tmp_path):
    first, *_ = records.results()
    folder = records.make(tmp_path / "records", first, having(first, 7.0, "seconds"))
    assert [each.file for each in shared.read(folder).index.results] == ["overhead.json", "overhead.2.json"]


def test_a_large_result_loses_what_each_process_measured(tmp_path, monkeypatch):
    first, *_ = records.results()
    process = {"hash_seed": 1, "seed": 1, "warm_up": {"x" * 2000: 1}, "blocks": {}}
    first = having(first, [process], "processes")
    assert shared.read(records.make(tmp_path / "whole", first)).index.results[0].blocks
    size = len((tmp_path / "whole/2026-11-24-amd-epyc-2-cores/overhead.json").read_bytes())
    monkeypatch.setattr(shared, "LARGEST", size - 1)
    folder = records.make(tmp_path / "records", first)
    assert read(folder)["processes"] == []
    assert not shared.read(folder).index.results[0].blocks
    monkeypatch.setattr(shared, "LARGEST", 500)
    with pytest.raises(results_files.ResultError, match="above 500: measure less in one run"):
        records.make(tmp_path / "small", first)


def test_what_becomes_public_is_printed(record):
    printed = record(*records.results())
    assert "machine: 2 x AMD EPYC, Linux 6.1, called amd-epyc-2-cores" in printed
    assert "versions: CPython 3.11.7, Django 5.2.19" in printed
    assert "database: SQLite 3.40.1, connection served" in printed
    assert "switches: defaults\n" in printed
    assert "contenders: drf-token, simplejwt, simplejwt-stateless, token, jwt\n" in printed
    assert "commit: 9ebc36ced171e7926f2af04fdfbe030876c0c050\n" in printed
    changed = [having(each, True, "environment", "uncommitted_changes") for each in records.results()]
    assert "c050, with uncommitted changes" in record(*changed, options=["--label", "changed"])


# --- what is left out -----------------------------------------------------------------------------

HOME = "/".join(("", "home", "ada"))  # in pieces: a test looks for such paths in this repository


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"{HOME}/benchmarks/__main__.py overhead --budget 22", "benchmarks overhead --budget 22"),
        ("x overhead --json results/a.json --url /tracks/", "benchmarks overhead --json (not shown) --url /tracks/"),
        ("x overhead --url=/whoami/ --json=../a.json", "benchmarks overhead --url=/whoami/ --json=(not shown)"),
        (f"x wire --url {HOME}/x", "benchmarks wire --url (not shown)"),
        ("x flows --database-url postgresql://u:p@h/x", "benchmarks flows --database-url (not shown)"),
        ("x flows --database-url=postgresql://u:p@h/x", "benchmarks flows --database-url=(not shown)"),
        (r"x csv C:\a.json --contender mine:SCHEME", "benchmarks csv (not shown) --contender mine:SCHEME"),
    ],
)
def test_a_command_line_keeps_no_path_and_no_address(line, shown):
    assert " ".join(private.command_line(line.split())) == shown


def test_paths_addresses_and_the_hosts_name_are_left_out_everywhere(tmp_path):
    first, *_ = records.results(transport=f"a socket in {HOME}/run", host="of ada-laptop")
    first = having(first, [f"see https://ada.example/x and {HOME}/x.json"], "verdict", "reasons")
    first = having(first, "Linux 6.1.0-18-ada-laptop", "environment", "kernel")
    clean = private.left_out(first, "ada-laptop")
    assert "ada" not in json.dumps(clean)
    assert clean["service"]["transport"] == "a socket in (not shown)"
    assert clean["verdict"]["reasons"] == ["see (not shown) and (not shown)"]
    assert clean["environment"]["kernel"] == "Linux 6.1.0"
    assert clean["tables"] == first["tables"]


def test_a_host_that_is_called_like_a_contender_changes_no_figure():
    first, *_ = records.results()
    assert private.left_out(first, "token")["tables"] == first["tables"]


# --- what is refused ------------------------------------------------------------------------------

UNLIKE = {
    "commit": ("0" * 40, "environment", "commit"),
    "processor": ("Ryzen", "environment", "processor"),
    "packages": ({"Django": "6.1.3"}, "environment", "packages"),
    "python": ("CPython 3.13.0", "environment", "python"),
    "database": ("PostgreSQL", "service", "database"),
    "connection": ("pool", "service", "connection"),
    "switches": ({"TOKEN_LIFETIME": "1d"}, "service", "switches"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_results_of_other_conditions_are_refused_with_both_files_and_values(record, tmp_path, name):
    value, *place = UNLIKE[name]
    first, second, third = records.results()
    printed = record(first, second, having(third, value, *place), code=1)
    shown = value if isinstance(value, str) else " ".join(map(str, *value.items()))
    assert re.search(rf"0\.json and .*2\.json differ in {name}: .* and .*{shown}", " ".join(printed.split()))
    assert not (tmp_path / "records").exists()


def test_an_inconclusive_result_is_refused_unless_anyway(record, tmp_path):
    first, *others = records.results()
    first = having(first, {"conclusive": False, "reasons": ["the run waited"]}, "verdict")
    printed = record(first, *others, code=1)
    assert "overhead is inconclusive: the run waited; --anyway records it" in printed
    printed = record(first, *others, options=["--anyway"])
    assert "overhead.json: INCONCLUSIVE" in printed
    assert "    the run waited\n" in printed
    (folder,) = (tmp_path / "records").iterdir()
    assert shared.read(folder).index.results[0].reasons == ("the run waited",)


def test_an_existing_record_stays_unless_replace(record, tmp_path):
    record(*records.results())
    (folder,) = (tmp_path / "records").iterdir()
    before = (folder / "record.json").read_text("utf-8")
    assert "exists: --replace replaces it, and --label makes another" in record(records.results()[0], code=1)
    assert (folder / "record.json").read_text("utf-8") == before
    record(records.results()[0], options=["--replace"])
    assert sorted(path.name for path in folder.iterdir()) == ["overhead.json", "record.json"]


def test_a_record_that_fails_its_own_check_leaves_nothing_and_replaces_nothing(made):
    before = {path.name: path.read_text("utf-8") for path in made.iterdir()}
    with pytest.raises(results_files.ResultError, match=r"overhead\.json"):
        write(made, {**before, "overhead.json": "{}"})
    assert list(made.parent.iterdir()) == [made]
    assert {path.name: path.read_text("utf-8") for path in made.iterdir()} == before


def test_a_record_that_was_not_finished_is_not_read_with_the_others(made):
    made.with_name(f".{made.name}.new").mkdir()
    assert shared.folders([made.parent]) == [made]


def test_a_folder_that_is_no_record_is_not_replaced(record, tmp_path):
    mine = tmp_path / "records/2026-11-24-amd-epyc-2-cores/thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert "is no record, so it is not replaced" in record(*records.results(), options=["--replace"], code=1)
    assert mine.exists()


def test_what_is_no_result_or_has_no_date_is_refused(record):
    first, *_ = records.results()
    assert "no result of python -m benchmarks" in record("{}", code=1)
    assert "'soon' is no date" in record(having(first, "soon", "date"), code=1)
    assert "format 2; this version reads 3" in record(having(first, 2, "format"), code=1)


# --- reading a stranger's record ------------------------------------------------------------------


def refused(folder) -> str:
    with pytest.raises(results_files.ResultError) as error:
        shared.read(folder)
    return shared.printable(str(error.value))


def test_an_index_that_differs_from_its_results_is_refused(made):
    for value, *place in ((True, "results", 2, "conclusive"), (1, "cores"), ("PostgreSQL", "database")):
        before = read(made, "record.json")
        records.change(made / "record.json", value, *place)
        assert "record.json: it differs from what its results say" in refused(made)
        (made / "record.json").write_text(json.dumps(before), "utf-8")
    shared.read(made)


def test_a_result_that_was_changed_is_refused(made):
    records.change(made / "flows.json", "2026-11-24T00:00:00+00:00", "date")
    assert "record.json: it differs from what its results say" in refused(made)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("record.json", "{", "record.json: Expecting property name"),
        ("record.json", "[" * 100_000, "record.json: "),
        ("record.json", "{}", "record.json: Object missing required field `format`"),
        ("flows.json", "{}", "flows.json: no result of python -m benchmarks"),
        ("flows.json", '{"command": "flows", "format": 9}', "flows.json: format 9; this version reads 3"),
        ("flows.json", " " * 1_000_001, "flows.json: 1,000,001 bytes, above 1,000,000"),
        ("more.json", "{}", "more.json: not in record.json"),
    ],
)
def test_a_bad_file_is_named_with_its_reason(made, file, text, message):
    (made / file).write_text(text, "utf-8")
    assert message in refused(made)


def test_another_format_of_an_index_is_refused(made):
    records.change(made / "record.json", 2, "format")
    assert "record.json: format 2; this version reads 1" in refused(made)


@pytest.mark.parametrize("name", ["../overhead.json", "/dev/zero", "", ".", "overhead.txt", "a/b.json"])
def test_an_index_names_files_of_its_own_folder(made, name):
    records.change(made / "record.json", name, "results", 0, "file")
    assert "is no file of this folder" in refused(made)


def test_an_index_is_no_result_and_a_missing_file_is_named(made, record):
    printed = record((made / "record.json").read_text("utf-8"), code=1)
    assert "no result of python -m benchmarks, but the index of a record" in printed
    (made / "flows.json").unlink()
    assert "flows.json: [Errno 2] No such file or directory" in refused(made)


def test_a_link_is_no_file_of_a_record(made):
    (made / "flows.json").rename(made.parent / "flows.json")
    (made / "flows.json").symlink_to(made.parent / "flows.json")
    assert "flows.json: no plain file" in refused(made)


def test_a_record_stands_in_a_folder_of_its_name(made):
    other = made.rename(made.with_name("2026-11-25-amd-epyc-2-cores"))
    assert "its index is of '2026-11-24-amd-epyc-2-cores'" in refused(other)


def test_a_folder_without_records_is_refused(tmp_path, made):
    assert shared.folders([made.parent]) == shared.folders([made, made]) == [made]
    (tmp_path / "none").mkdir()
    with pytest.raises(results_files.ResultError, match="none: no record in it"):
        shared.folders([tmp_path / "none"])

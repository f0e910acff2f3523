"""A stranger's results: judged again by their own figures, and never more than a text."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.messages import CONTROL
from benchmarks.questions.record.command import command
from benchmarks.questions.site.command import command as site
from benchmarks.questions.splice import readme
from benchmarks.results import private, shared
from benchmarks.results.files import ResultError
from benchmarks.stats import overhead
from benchmarks.stats.intervals import t_interval
from benchmarks.stats.verdicts import contests
from tests.support import records
from tests.support.reports import having

pytestmark = pytest.mark.once  # no database

ROW = ("tables", 0, "rows", 0, "overhead")


def sent(tmp_path, *changes):
    """Return a record, made of results in which some values were changed."""
    document, *others = records.results()
    for value, *place in changes:
        document = having(document, value, *place)
    return records.make(tmp_path / "records", document, *others)


# --- judged again ---------------------------------------------------------------------------------

DOUBTS = {
    "waited": ((0.95, "waited"), "the run waited 95% of its time for a processor"),
    "steal": ((0.5, "steal"), "the hypervisor took 50.0% of the processors' time"),
    "a control that differs": (
        ({"estimate": 99.0, "low": 98.0, "high": 100.0}, "tables", 0, "control"),
        "the A/A control differs from itself",
    ),
    "a vague row": (({"estimate": 5.0, "low": -900.0, "high": 910.0}, *ROW), "adds is known too coarsely"),
    "a precision": (((1.0), "plan", "precision_us"), "not the 1 µs asked for"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_a_verdict_that_the_figures_do_not_bear_is_shown_as_inconclusive(tmp_path, name):
    change, reason = DOUBTS[name]
    changes = [([], "processes"), (50.0, "widest_us"), change]
    record = shared.read(sent(tmp_path, *changes))
    kept = record.index.results[0]
    assert kept.conclusive is False
    assert any(each.startswith("judged again, ") and reason in each for each in kept.reasons), kept.reasons
    with pytest.raises(ResultError, match="overhead is inconclusive: judged again, "):
        readme.answer(record)


def test_record_refuses_what_is_inconclusive_by_its_figures(tmp_path, files):
    document, *_ = records.results()
    arguments = [*map(str, files(having(document, 0.95, "waited"))), "--to", str(tmp_path / "records")]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 1
    assert "overhead is inconclusive: judged again, the run waited 95%" in done.output
    done = CliRunner().invoke(command, [*arguments, "--anyway"])
    assert "overhead.json: INCONCLUSIVE" in done.output


def test_every_result_with_a_verdict_is_judged_by_its_machine(tmp_path):
    first, flows, revocation = records.results()
    folder = records.make(tmp_path / "records", first, having(flows, 0.5, "steal"), revocation)
    assert [each.conclusive for each in shared.read(folder).index.results] == [True, False, None]


CONTRADICTIONS = {
    "reasons": ((["waited"], "verdict", "reasons"), "its verdict is conclusive, and says why it is not: waited"),
    "exit code": ((143, "verdict", "exit_code"), "its verdict is conclusive, and says why it is not: exit code 143"),
    "steal": ((-0.1, "steal"), "steal is -0.1; allowed: 0 to 1"),
    "waited": ((7, "waited"), "waited is 7; allowed: 0 to 1"),
    "interval": (({"estimate": 5.0, "low": 9.0, "high": 1.0}, *ROW), "does not hold its own estimate"),
    "precision": (("fine", "plan", "precision_us"), "precision_us is 'fine', which is no number"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_result_that_contradicts_itself_is_refused_by_name(tmp_path, name):
    change, reason = CONTRADICTIONS[name]
    with pytest.raises(ResultError, match=r"0\.json: ") as error:
        sent(tmp_path, change)
    assert reason in str(error.value)


def with_blocks() -> dict:
    """Return a result whose table says what its processes measured."""
    document, *_ = records.results()
    (url,) = {table["url"] for table in document["tables"][:1]}
    names = [row["name"] for row in document["tables"][0]["rows"]]
    added = {"anonymous": 0, CONTROL: 0, **{name: 100_000 * (1 + n) for n, name in enumerate(names)}}
    processes = []
    for number in range(6):
        times = {
            name: [184_000.0 + each + 300 * ((number * 7 + n * n) % 5)] * 4
            for n, (name, each) in enumerate(added.items())
        }
        blocks = {"orders": [list(added)] * 4, "p25_ns": times, "median_ns": times, "min_ns": times, "position_ns": {}}
        processes.append({"hash_seed": number, "seed": number, "warm_up": {}, "blocks": {url: blocks}})
    document = having(document, processes, "processes")
    document = having(document, document["tables"][:1], "tables")

    def figures(name):
        return [
            (each["blocks"][url]["p25_ns"][name][0] - each["blocks"][url]["p25_ns"]["anonymous"][0]) / 1000
            for each in processes
        ]

    def written(interval):
        return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}

    table = document["tables"][0]
    for row in table["rows"]:
        row["overhead"] = written(t_interval(figures(row["name"])))
    table["control"] = written(t_interval(figures(CONTROL), table["control_level"]))
    table["contests"] = [
        {"first": each.first, "second": each.second, "difference": written(each.difference), "verdict": each.verdict}
        for each in contests({name: figures(name) for name in names}, table["margin_us"])
    ]
    return document


LIES = {
    "a row": (({"estimate": -500.0, "low": -510.0, "high": -490.0}, *ROW), "drf-token on /whoami/ is -500.0 (-510.0"),
    "the control": (({"estimate": 3.0, "low": -9.0, "high": 9.0}, "tables", 0, "control"), f"{CONTROL} on /whoami/ is"),
    "no contest": (([], "tables", 0, "contests"), "is missing in the table"),
    "a contest": (("equivalent", "tables", 0, "contests", 0, "verdict"), "is called equivalent, and is faster"),
    "a process": (({}, "processes", 0, "blocks"), "5 of 6 processes measured /whoami/"),
    "a contender": (({}, "processes", 0, "blocks", "/whoami/", "p25_ns"), "lacks 'drf-token'"),
}


def test_figures_that_follow_from_the_blocks_are_read(tmp_path):
    record = shared.read(records.make(tmp_path / "records", with_blocks()))
    assert record.index.results[0].conclusive, record.index.results[0].reasons


@pytest.mark.parametrize("name", LIES)
def test_figures_that_the_blocks_do_not_give_are_refused_by_name(tmp_path, name):
    change, reason = LIES[name]
    with pytest.raises(ResultError, match=r"0\.json: ") as error:
        records.make(tmp_path / "records", having(with_blocks(), *change))
    assert reason in str(error.value)


def test_a_result_that_no_judge_can_divide_is_refused(tmp_path, monkeypatch):
    def judge(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(overhead, "judge", judge)
    with pytest.raises(ResultError, match="its figures cannot be judged: division by zero"):
        sent(tmp_path, ([], "processes"))


# --- what is left out -----------------------------------------------------------------------------

ALICE = "/".join(("", "data", "alice", "keys.pem"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"No such file: '{ALICE}'", "No such file: '(not shown)'"),
        (f"File:{ALICE}, line 3", "File:(not shown), line 3"),
        ('see "/scratch/ada smith/a secret" there', 'see "(not shown)" there'),
        ("at /scratch/ada smith/secret", "at (not shown)"),
        (r"from \\fileserver\alice\x now", "from (not shown) now"),
        (r"from 'D:\my files\x' now", "from '(not shown)' now"),
        ("server at (10.2.3.4), port 5432", "server at ((not shown)), port 5432"),
        ("server 10.2.3.4:5432", "server (not shown):5432"),
        ("server fe80::1ff:fe23 and ::1", "server (not shown) and (not shown)"),
        ("on /whoami/ the A/A control, in µs/request, at 12:30:45", None),
        ("POST to /api-token-auth/revoke/, 3.40.1 and 1.2.3", None),
        ("base / head in µs/request", None),
        ("see docs/how-to/share-a-record.md", None),
    ],
)
def test_no_text_keeps_a_path_or_an_address(text, shown):
    document, *_ = records.results()
    for place in (("verdict", "reasons"), ("answer",)):
        value = [text] if place[-1] == "reasons" else text
        clean = private.left_out(having(document, value, *place))
        for key in place:
            clean = clean[key]
        assert clean == ([shown or text] if place[-1] == "reasons" else shown or text)


def test_a_key_is_a_text_too_and_the_urls_of_the_run_stay():
    document, *_ = records.results()
    document = having(document, {ALICE: 1, "/whoami/": 8}, "plan", "rounds")
    clean = private.left_out(document)
    assert clean["plan"]["rounds"] == {"(not shown)": 1, "/whoami/": 8}
    assert clean["tables"] == document["tables"]


def test_the_command_line_is_among_what_becomes_public(tmp_path, files):
    document, *_ = records.results()
    done = CliRunner().invoke(command, [*map(str, files(document)), "--to", str(tmp_path / "records")])
    assert "    command line: benchmarks overhead --budget\n" in done.output


# --- files that no lab wrote ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\u0000.json", "\ud800.json"])
def test_a_name_that_is_no_files_is_one_line(tmp_path, name):
    folder = sent(tmp_path)
    records.change(folder / "record.json", name, "results", 0, "file")
    done = CliRunner().invoke(site, [str(folder), "--out", str(tmp_path / "site")])
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1), done.output
    assert "is no file of this folder" in done.output


def test_half_a_sign_where_a_word_is_expected_is_one_line(tmp_path):
    folder = sent(tmp_path)
    text = json.dumps(having(records.results()[0], "\ud800", "tables", 0, "contests", 0, "verdict"))
    (folder / "overhead.json").write_text(text, "ascii")
    done = CliRunner().invoke(site, [str(folder), "--out", str(tmp_path / "site")])
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1), done.output
    assert "overhead.json: " in done.output


def unable(tmp_path, *changes) -> str:
    with pytest.raises(ResultError) as error:
        readme.answer(shared.read(sent(tmp_path, ([], "processes"), *changes)))
    return str(error.value)


def test_a_record_for_readme_has_all_that_readme_says(tmp_path):
    assert "lacks the contest of drf-token and simplejwt" in unable(tmp_path / "1", ([], "tables", 0, "contests"))
    document, *others = records.results()
    alike = [having(each, {"PyJWT": "2.15.1"}, "environment", "packages") for each in (document, *others)]
    with pytest.raises(ResultError, match="it does not name its version of Django"):
        readme.answer(shared.read(records.make(tmp_path / "2", *alike)))
    assert "'/a[/b]' cannot stand in README" in unable(tmp_path / "3", ("/a[/b]", "tables", 0, "url"))


def test_a_strangers_processor_is_no_markdown(tmp_path):
    text = " ".join(["y" * 100, "<!-- end -->", "[free](x) <img src=x>", "\ud800`"])
    alike = [having(each, text, "environment", "processor") for each in records.results()]
    record = shared.read(records.make(tmp_path / "records", *alike, machine="box"))
    answer = readme.answer(record)
    for sign in ("<", ">", "[free]", "`\ud800", "\ud800"):
        assert sign not in answer
    page = "<!-- answer of old -->\nold\n<!-- end -->\n<!-- table of old -->\nold\n<!-- end -->\n"
    page = readme.spliced(page, record)
    assert readme.spliced(page, record) == page

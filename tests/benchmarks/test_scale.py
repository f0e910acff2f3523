"""Many users, tokens and logins next to the timed ones. No test asserts a time."""

import json
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import jsonschema
import pytest
from click.testing import CliRunner
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken as StockRefreshToken

from benchmarks.databases import fill, population
from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Entry, Facts, RefusedError, Sample, Stored, StoredTable
from benchmarks.processes.turns import Run, Turn
from benchmarks.questions.flows.messages import Counts
from benchmarks.questions.scale import flushing, login_costs
from benchmarks.questions.scale import run as scale
from benchmarks.questions.scale.command import command
from benchmarks.results.records.flows import Growth
from benchmarks.results.schema import schema
from jwt_auth.models import RefreshFamily
from tests.support import servers
from tokens.models import HashedToken
from tracks import catalogue
from tracks.models import Track

URL = "/whoami/"


# --- what is loaded -------------------------------------------------------------------------------


def test_every_table_of_credentials_is_populated():
    own = {
        model._meta.label
        for app in ("tokens", "authtoken", "jwt_auth", "token_blacklist")
        for model in apps.get_app_config(app).get_models()
        if not model._meta.proxy
    }
    others = {"jwt_auth.StockToken", "jwt_auth.StockCutoff", "jwt_auth.DeletedLogin"}  # no valid credentials
    assert {table.model for table in population.TABLES} == {"auth.User", *own} - others


@pytest.fixture
def crowd(monkeypatch):
    """Load seven users, one, and eight, who refreshed twice, at most three rows a statement.

    Return the reported progress.
    """
    monkeypatch.setattr(population, "BATCH", 3)
    progress = []
    population.load(7, progress.append, refreshes=2)
    get_user_model().objects.create_user("ada")
    population.load(8, progress.append, refreshes=2)
    population.settle()
    return progress


loaded = pytest.mark.django_db(transaction=True, reset_sequences=True)


@loaded
def test_each_user_has_a_row_of_every_kind_and_who_is_timed_lies_in_the_middle(crowd):
    users = get_user_model().objects.order_by("pk")
    assert list(users.values_list("pk", flat=True)) == list(range(1, 17))
    assert users.get(username="ada").pk == 8
    others = set(users.exclude(username="ada").values_list("pk", flat=True))
    assert set(RefreshFamily.objects.values_list("user_id", flat=True)) == others
    assert set(Token.objects.values_list("user_id", flat=True)) >= others
    assert set(HashedToken.objects.values_list("user_id", flat=True)) == others
    # A user has three refresh tokens, two of them spent. A statement inserts one user's at most.
    assert crowd == [3, 3, 1] * 4 + [3] * 7 + [2] * 7 + [3, 3, 2] * 4 + [3] * 8 + [2] * 8
    assert sum(crowd) == 15 * population.per_user(2)
    stored = population.stored()
    assert [(each.table, each.rows) for each in stored.tables] == [
        ("auth_user", 16),
        ("authtoken_token", 16),
        ("tokens_hashedtoken", 15),
        ("jwt_auth_refreshfamily", 15),
        ("token_blacklist_outstandingtoken", 45),
        ("token_blacklist_blacklistedtoken", 30),
    ]
    assert all(each.table_bytes and each.index_bytes for each in stored.tables)
    assert stored.database_bytes >= sum(each.table_bytes + each.index_bytes for each in stored.tables)


@loaded
def test_a_table_that_an_earlier_revision_has_not_is_neither_filled_nor_counted(monkeypatch):
    monkeypatch.setattr(population, "TABLES", (*population.TABLES[:2], population.Table("tokens.LaterToken", {})))
    population.load(2, lambda rows: None)
    assert [(each.table, each.rows) for each in population.stored().tables] == [
        ("auth_user", 2),
        ("authtoken_token", 2),
    ]


@loaded
def test_what_is_loaded_is_as_the_service_writes_it(crowd, door_to):
    token = Token.objects.get(user__username="user3")
    answer = door_to("token").get(URL, token.key)
    assert answer.json() == {"id": 3, "username": "user3", "scheme": "token"}
    assert len(set(Token.objects.values_list("key", flat=True))) == 16
    family = RefreshFamily.objects.select_related("user").get(user__username="user3")
    family.full_clean()
    assert len(family.current_jti) == len(family.previous_jti) == 32
    assert family.revoked_at is None
    now, day = timezone.now(), timedelta(days=1)
    assert now - 2 * day < family.created_at <= now < family.refresh_expires_at < now + 3 * day
    outstanding = list(OutstandingToken.objects.filter(user=family.user).order_by("pk"))
    issued = str(StockRefreshToken.for_user(family.user))
    # The id of user 3 has seven digits less than that of one among ten million.
    assert 0 <= len(outstanding[0].token) - len(issued) <= 10
    assert {len(each.jti) for each in outstanding} == {32}
    # The newest may be used; the others are spent.
    assert [hasattr(each, "blacklistedtoken") for each in outstanding] == [True, True, False]
    assert family.user.password.count("$") == 3
    assert not family.user.check_password("")


@pytest.fixture
def owned(monkeypatch):
    """Load three tracks of the catalogue, and seven users with one track each."""
    monkeypatch.setattr(population, "BATCH", 3)
    catalogue.load(catalogue.read(catalogue.CHINOOK)[:3])
    population.load(7, lambda rows: None, tracks=True)


@loaded
def test_each_user_may_have_a_track_as_one_of_the_catalogue(owned):
    catalogued = Track.objects.filter(owner=None)
    own = Track.objects.exclude(owner=None).order_by("owner")
    assert catalogued.count() == 3
    assert list(own.values_list("owner", flat=True)) == list(range(1, 8))
    assert len({track.title for track in own}) == 7
    for track in own:
        like = catalogued.get(title=track.title.removesuffix(f" (copy {track.owner_id})"))
        assert (track.album_id, track.genre_id, track.duration_ms) == (like.album_id, like.genre_id, like.duration_ms)
    assert [(each.table, each.rows) for each in population.stored(tracks=True).tables][-1] == ("tracks_track", 10)


@loaded
def test_expired_logins_are_what_both_commands_clean_up_and_nothing_else(crowd):
    counted = [RefreshFamily, OutstandingToken, BlacklistedToken]
    before = [model.objects.count() for model in counted]
    population.load_expired(5, refreshes=2)
    # Each user has one login and three refresh tokens, two of them spent.
    assert [model.objects.count() for model in counted] == [
        rows + more for rows, more in zip(before, (5, 15, 10), strict=True)
    ]
    for name, left in (("flush_refresh_families", [0, 15, 10]), ("flushexpiredtokens", [0, 0, 0])):
        call_command(name, stdout=StringIO())
        assert [model.objects.count() for model in counted] == [
            rows + more for rows, more in zip(before, left, strict=True)
        ]


@loaded
@pytest.mark.parametrize(
    ("name", "does"),
    [("flushexpiredtokens", lambda: None), ("flush_refresh_families", RefreshFamily.objects.all().delete)],
)
def test_cleaning_up_too_little_or_too_much_is_refused(crowd, monkeypatch, name, does):
    def call(command, **options):
        does() if command == name else call_command(command, **options)

    monkeypatch.setattr(flushing, "call_command", call)
    with pytest.raises(RefusedError, match=f"^{name}: leaves"):
        flushing.run(5, 2)


@pytest.mark.django_db
def test_two_scratch_databases_have_the_same_times():
    rows = catalogue.read(catalogue.CHINOOK)[:3]
    found = []
    for _ in range(2):
        with fill.same_times():
            catalogue.load(rows)
        found.append(list(Track.objects.order_by("pk").values_list("title", "created", "updated")))
        Track.objects.all().delete()
    first, second = found
    assert first == second
    assert len({created for _, created, _ in first}) == 1  # one for each batch


# --- the answer -----------------------------------------------------------------------------------


def run_of(**microseconds) -> Run:
    """Return a run of sizes "10" and "1000" in which each contender takes the given times."""
    entries = [Entry(ANONYMOUS), Entry(CONTROL), Entry("token", "Token")]
    facts = {URL: dict.fromkeys((ANONYMOUS, CONTROL, "token"), Facts(0, 0, 0))}

    def sample(place: int, turn: int) -> Sample:
        p25 = {name: [1000 * sizes[place][turn]] * 4 for name, sizes in microseconds.items()}
        p25[CONTROL] = p25[ANONYMOUS]
        return Sample(entries, facts, {}, {}, blocks={URL: Blocks([()], p25, p25, p25, p25)})

    turns = tuple(
        Turn(0, 0, {"10": sample(0, turn), "1000": sample(1, turn)}) for turn in range(len(microseconds["token"][0]))
    )
    return Run({URL: 4}, turns[0].samples, turns, 0.0, (0.0,))


def analysed(anonymous, token) -> scale.Answer:
    return scale.analyse(run_of(anonymous=anonymous, token=token), [10, 1000], URL, drop=1, margin_us=5)


def test_a_scheme_is_compared_with_itself_in_the_smallest_database():
    # The machine's speed differs between turns; the difference between sizes does not.
    answer = analysed(anonymous=([100, 150, 125], [100, 150, 125]), token=([200, 280, 240], [230, 311, 270]))
    (change,) = answer.changes
    assert (change.scheme, change.population) == ("token", 1000)
    assert change.adds.estimate == pytest.approx((130 + 161 + 145) / 3)
    assert change.difference.estimate == pytest.approx((30 + 31 + 30) / 3)
    assert change.ratio.estimate == pytest.approx((130 + 161 + 145) / (100 + 130 + 115))
    assert change.verdict == "slower"
    assert answer.across.verdict.conclusive


def test_sizes_that_anonymous_can_tell_apart_tell_nothing_about_credentials():
    answer = analysed(anonymous=([100, 150, 125], [120, 171, 144]), token=([200, 280, 240], [220, 301, 259]))
    (change,) = answer.changes
    assert change.verdict == "equivalent"
    (reason,) = answer.across.verdict.reasons
    assert reason.startswith("anonymous, which reads no credential, differs by +20.0 µs")
    assert reason.endswith("of 125 µs with 1,000 other users")


def test_tracks_are_something_that_anonymous_may_notice():
    run = run_of(anonymous=([100, 150, 125], [120, 171, 144]), token=([200, 280, 240], [220, 301, 259]))
    answer = scale.analyse(run, [10, 1000], URL, drop=1, margin_us=5, tracks=True)
    assert answer.across.verdict.conclusive
    assert answer.across.controls[1000].estimate == pytest.approx(20)


def grows(**tables) -> Counts:
    return Counts(1, 1, 1, {name: Growth(*each) for name, each in tables.items()})


def test_a_logins_bytes_are_those_of_the_tables_that_its_scheme_fills():
    counts = {
        "pair": {"obtain": grows(outstanding=(1, 0)), "refresh": grows(outstanding=(1, 0), spent=(1, 0))},
        "own": {"obtain": grows(login=(1, 0)), "rotate": grows(login=(0, 1), other=(1, 0))},
        "nothing": {"obtain": grows()},
        "unknown": {"obtain": grows(untold=(1, 0))},
    }
    stored = Stored(
        [
            StoredTable("auth_user", 11, 999, 999),
            StoredTable("outstanding", 20, 4400, 1100),
            StoredTable("spent", 10, 550, 50),
            StoredTable("login", 10, 2200, 1100),
            StoredTable("untold", 10, None, None),
        ],
        database_bytes=0,
    )
    found = SimpleNamespace(counts=counts)
    assert login_costs.bytes_per_login(found, stored) == {"pair": pytest.approx(6100 / 11), "own": 300}


# --- the commands ---------------------------------------------------------------------------------

TINY = ("--scheme", "token", "--scheme", "simplejwt", "--processes", "2", "--rounds", "1", "--flow-turns", "2")


@pytest.mark.once
@pytest.mark.lab
def test_a_run_alternates_between_the_sizes_and_keeps_what_it_measured(tmp_path):
    path = tmp_path / "run.json"
    sizes = ("--population", "300", "--population", "20")
    more = ("--refreshes", "3", "--tracks")
    process = servers.run("-m", "benchmarks", "scale", *sizes, *more, *TINY, "--json", str(path))
    document = json.loads(path.read_text())
    assert process.returncode == (0 if document["verdict"]["conclusive"] else 3), process.stderr
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert [size["population"] for size in document["sizes"]] == [20, 300]
    for size in document["sizes"]:
        rows = {each["table"]: each["rows"] for each in size["stored"]["tables"]}
        assert rows["auth_user"] == size["population"] + 1
        assert rows["token_blacklist_outstandingtoken"] == 4 * size["population"]
        assert rows["tracks_track"] == 3503 + size["population"]
        assert [row["name"] for row in size["table"]["rows"]] == ["token", "simplejwt"]
        kept = size["upkeep"]
        assert {scheme: "refresh" in flows for scheme, flows in kept["flows_us"].items()} == {
            "token": False,
            "simplejwt": True,
        }
        assert list(kept["flush_us"]) == list(flushing.COMMANDS)
        assert kept["bytes_per_login"]["simplejwt"] > kept["bytes_per_login"]["token"] > 0
    changes = [(change["scheme"], change["population"]) for change in document["changes"]]
    assert changes == [("token", 300), ("simplejwt", 300)]
    assert [sorted(turn["blocks"]) for turn in document["turns"]] == [["20", "300"]] * 2
    assert max(len(line) for line in process.stdout.splitlines() if str(path) not in line) <= 100
    assert "300 other users: " in process.stdout


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--population", "10", "--population", "10"), "name at least two sizes"),
        (("--population", "10000001", "--population", "1"), "0<=x<=10000000"),
        (("--url", "whoami"), "beginning with /"),
        (("--flow-turns", "1"), "--flow-turns 1: allowed: 0, or 2 and more"),
        (("--refreshes", "10000"), "fewer, or --database-url"),
        (("--refreshes", "10001"), "0<=x<=10000"),
    ],
)
def test_wrong_usage_is_told(arguments, message):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())

"""Rows of other users besides the one whose requests are timed, written by the database itself.

Half of them come before the timed user and half after, so that the timed user's rows lie in the
middle. A login that a contender makes for itself in a process is the newest row, and its key lies
anywhere.
"""

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.apps import apps
from django.db import OperationalError, connection
from django.db.models import AutoField

from benchmarks.messages import Stored, StoredTable

BATCH = 50_000  # rows of one statement
ROW_BYTES = 400  # about, in any table, with its index entries and temporary space


# The beginning of a signed refresh token; its last digits are random.
_TOKEN = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{'x' * 172}"

_USERS = (
    "(WITH RECURSIVE users(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM users WHERE n < {high}), "
    "times(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM times WHERE i < {each}) SELECT n FROM users, times)"
)
# Each user's refresh tokens except the newest, the only one that is still valid.
_SPENT = (
    "(SELECT id, created_at, row_number() OVER (PARTITION BY user_id ORDER BY id DESC) AS age "
    "FROM token_blacklist_outstandingtoken WHERE user_id BETWEEN {low} AND {high} "
    "AND expires_at {when} CURRENT_TIMESTAMP)"
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that gets rows for each user.

    `columns`       column -> SQL, in which n is the user's id, and {hex} (32 digits), {bytes} (32),
                    {uuid}, {past} and {future} are random; other columns get their field's default
    `each`          rows for each user
    `each_refresh`  rows for each refresh of each user
    `source`        SQL of the rows that `columns` refer to: {each} for each user from {low} to
                    {high}
    """

    model: str
    columns: Mapping[str, str]
    each: int = 1
    each_refresh: int = 0
    source: str = _USERS

    def rows(self, refreshes: int) -> int:
        """Return the number of rows for each user."""
        return self.each + self.each_refresh * refreshes


TABLES = (
    Table(
        "auth.User",
        {
            "username": "'user' || n",
            "email": "'user' || n || '@example.com'",
            "password": "'pbkdf2_sha256$1000000$' || substr({hex}, 1, 22) || '$' || substr({hex} || {hex}, 1, 44)",
            "date_joined": "{past}",
        },
    ),
    Table("authtoken.Token", {"user_id": "n", "key": "substr({hex} || {hex}, 1, 40)", "created": "{past}"}),
    Table(
        "tokens.HashedToken",
        {
            "user_id": "n",
            "digest": "{bytes}",
            "last_four": "substr({hex}, 1, 4)",
            "created": "{past}",
            "last_used": "{past}",
        },
    ),
    Table(
        "jwt_auth.RefreshFamily",
        {
            "user_id": "n",
            "id": "{uuid}",
            "current_jti": "{hex}",
            "previous_jti": "{hex}",
            "created_at": "{past}",
            "rotated_at": "{past}",
            "refresh_expires_at": "{future}",
            "expires_at": "{future}",
        },
    ),
    # SimpleJWT has a row for each refresh token, and another for each spent one.
    Table(
        "token_blacklist.OutstandingToken",
        {
            "user_id": "n",
            "jti": "{hex}",
            "token": f"'{_TOKEN}' || {{hex}}",
            "created_at": "{past}",
            "expires_at": "{future}",
        },
        each_refresh=1,
    ),
    Table(
        "token_blacklist.BlacklistedToken",
        {"token_id": "id", "blacklisted_at": "created_at"},
        each=0,
        each_refresh=1,
        source=f"(SELECT id, created_at FROM {_SPENT} AS tokens WHERE age > 1)",
    ),
)
# One track for each user, a copy of one of the catalogue.
TRACKS = Table(
    "tracks.Track",
    {
        "title": "title || ' (copy ' || n || ')'",
        "album_id": "album_id",
        "genre_id": "genre_id",
        "composer": "composer",
        "duration_ms": "duration_ms",
        "owner_id": "n",
        "created": "{past}",
        "updated": "{past}",
    },
    source=(
        f"(SELECT n, title, album_id, genre_id, composer, duration_ms FROM {_USERS} AS owners JOIN tracks_track "
        "ON tracks_track.id = 1 + n % (SELECT count(*) FROM tracks_track WHERE owner_id IS NULL))"
    ),
)
LOGINS = tuple(table for table in TABLES if table.model.split(".")[0] in ("jwt_auth", "token_blacklist"))
REFRESHES = 1  # of each user's login

_RANDOM = {
    "sqlite": {
        "hex": "lower(hex(randomblob(16)))",
        "bytes": "randomblob(32)",
        "uuid": "lower(hex(randomblob(16)))",
        "past": "strftime('%Y-%m-%d %H:%M:%f000', 'now', (-abs(random() % 86400)) || ' seconds')",
        "future": "strftime('%Y-%m-%d %H:%M:%f000', 'now', (86400 + abs(random() % 86400)) || ' seconds')",
        "ended": "strftime('%Y-%m-%d %H:%M:%f000', 'now', (-172800 - abs(random() % 86400)) || ' seconds')",
    },
    "postgresql": {
        "hex": "md5(n || random()::text)",
        "bytes": "sha256((n || random()::text)::bytea)",
        "uuid": "md5(n || random()::text)::uuid",
        "past": "now() - random() * interval '1 day'",
        "future": "now() + (1 + random()) * interval '1 day'",
        "ended": "now() - (2 + random()) * interval '1 day'",
    },
}


def per_user(refreshes: int, tracks: bool = False) -> int:
    """Return the rows of one user in all tables."""
    return sum(table.rows(refreshes) for table in _tables(tracks))


def expected_bytes(users: int, refreshes: int = REFRESHES, tracks: bool = False) -> int:
    """Estimate how much disk `users` users take."""
    return users * per_user(refreshes, tracks) * ROW_BYTES


def load(users: int, done: Callable[[int], None], refreshes: int = REFRESHES, tracks: bool = False):
    """Add `users` users with their rows; call `done` with how many rows each statement added.

    The database must be new or filled by this function, which leaves no gap in the users' ids.
    """
    if connection.vendor == "sqlite":
        # Keys are random: with the default of 2 MB, each would read and write a page of its index.
        _execute("PRAGMA cache_size = -262144")  # KiB
        _execute("PRAGMA synchronous = OFF")
    ((last,),) = _execute(f"SELECT coalesce(max(id), 0) FROM {_name(TABLES[0])}")
    with _unchecked():
        for table in filter(_is_there, _tables(tracks)):
            _fill(table, last + 1, last + users, refreshes, done)


def load_expired(logins: int, refreshes: int = REFRESHES):
    """Add a login that expired two days ago to each of the first `logins` users."""
    for table in LOGINS:
        _fill(table, 1, logins, refreshes, expired=True)


@contextmanager
def _unchecked():
    """Let PostgreSQL skip the check of foreign keys, which takes as long as the insert itself."""
    if connection.vendor == "sqlite" or not _is_superuser():
        yield
        return
    _execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        _execute("RESET session_replication_role")


def _is_superuser() -> bool:
    return _execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(True,)]


def settle(analyze: bool = True):
    """Finish the loading before requests are timed, and update the planner's statistics.

    PostgreSQL's own autovacuum updates them in any case; SQLite's change only if `analyze`.
    """
    if connection.vendor == "sqlite":
        if analyze:
            _execute("ANALYZE")
        _execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        _execute("VACUUM ANALYZE")
        if _is_superuser():
            _execute("CHECKPOINT")


def stored(tracks: bool = False) -> Stored:
    """Count the rows of TABLES (and TRACKS) and measure their size on disk."""
    size, of_tables = _sqlite_sizes() if connection.vendor == "sqlite" else _postgresql_sizes()
    tables = []
    for table in filter(_is_there, _tables(tracks)):
        name = _model(table)._meta.db_table
        ((rows,),) = _execute(f"SELECT count(*) FROM {_name(table)}")
        tables.append(StoredTable(name, rows, *of_tables.get(name, (None, None))))
    return Stored(tables, size)


def _tables(tracks: bool) -> tuple[Table, ...]:
    return (*TABLES, TRACKS) if tracks else TABLES


def _is_there(table: Table) -> bool:
    """Return False for a table that the earlier revision of a `versus` run does not have."""
    try:
        _model(table)
    except LookupError:
        return False
    return True


def _fill(
    table: Table,
    first: int,
    last: int,
    refreshes: int,
    done: Callable[[int], None] = lambda rows: None,
    expired: bool = False,
):
    """Insert the rows of each user from `first` to `last`."""
    each = table.rows(refreshes)
    if not each:
        return
    users_at_once = max(1, BATCH // each)
    for low in range(first, last + 1, users_at_once):
        high = min(low + users_at_once - 1, last)
        _insert(table, low, high, each, expired)
        done((high - low + 1) * each)


def _insert(table: Table, low: int, high: int, each: int, expired: bool):
    """Insert `each` rows for each user from `low` to `high`, in one statement."""
    given = _RANDOM[connection.vendor] | {"low": low, "high": high, "each": each, "when": ">"}
    if expired:
        given |= {"future": given["ended"], "when": "<="}
    # The database chooses an id that `columns` does not name.
    fields = [
        field
        for field in _model(table)._meta.local_concrete_fields
        if field.attname in table.columns or not isinstance(field, AutoField)
    ]
    parameters, values = [], []
    for field in fields:
        if field.attname in table.columns:
            values.append(table.columns[field.attname].format_map(given).replace("%", "%%"))
        else:
            values.append("%s")
            parameters.append(field.get_db_prep_save(field.get_default(), connection))
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    source = table.source.format_map(given).replace("%", "%%")
    _execute(f"INSERT INTO {_name(table)} ({columns}) SELECT {', '.join(values)} FROM {source} AS source", parameters)


def _sqlite_sizes() -> tuple[int, dict[str, tuple[int, int]]]:
    """Return the bytes of the database, and of the rows and indexes of each table.

    A SQLite without dbstat does not tell the latter.
    """
    ((size,),) = _execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    try:
        rows = _execute(
            "SELECT m.tbl_name, sum(iif(m.type = 'table', s.pgsize, 0)), sum(iif(m.type = 'index', s.pgsize, 0)) "
            "FROM dbstat s JOIN sqlite_master m ON m.name = s.name WHERE s.aggregate = 1 GROUP BY m.tbl_name"
        )
    except OperationalError as error:
        if "no such table: dbstat" not in str(error):
            raise
        rows = []
    return size, {name: sizes for name, *sizes in rows}


def _postgresql_sizes() -> tuple[int, dict[str, tuple[int, int]]]:
    ((size,),) = _execute("SELECT pg_database_size(current_database())")
    rows = _execute("SELECT relname, pg_table_size(relid), pg_indexes_size(relid) FROM pg_stat_user_tables")
    return size, {name: sizes for name, *sizes in rows}


def _execute(sql: str, parameters: list | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _model(table: Table):
    return apps.get_model(table.model)


def _name(table: Table) -> str:
    return connection.ops.quote_name(_model(table)._meta.db_table)

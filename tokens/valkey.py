"""What the processes share of the token cache, on Valkey: entries, and messages about dropped ones.

Three commands do all of it. `SET … NX` stores an entry and `GET` reads it. To drop an entry, a
process first does a `SET` of a tombstone in its place, which NX does not overwrite: a reader that
is slow to store what it read brings nothing back. Then it does a `PUBLISH` of the digest to a
listener in each process (auth_core/valkey.py).

Write access to Valkey lets nobody pass for a user: entries are authenticated (tokens/entries.py),
and anything else is a miss.
"""

from redis.exceptions import RedisError, ResponseError

from auth_core.valkey import ValkeyListener

_TOMBSTONE = b"dead"  # too short for an entry


class Shared(ValkeyListener):
    """One process's side of it.

    The listener's thread calls `dropped` with the digest that any process drops, this one included.
    While Valkey is away, `get` finds nothing and `put` stores nothing.
    """

    label = "token cache"
    instead = "every token is read from the database"

    def get(self, digest: bytes) -> bytes | None:
        """Return the entry, a tombstone, or None."""
        try:
            data: bytes | None = self.client.get(self._key(digest))
        except ResponseError:  # another program stored a list there
            return None
        except RedisError as error:
            self.log_away(error)
            return None
        return data

    def put(self, digest: bytes, entry: bytes, seconds: int) -> None:
        """Store the entry for so long, unless there is one or a tombstone."""
        try:
            self.client.set(self._key(digest), entry, ex=seconds, nx=True)
        except RedisError as error:
            self.log_failure(error)

    def drop(self, digest: bytes, seconds: int) -> None:
        """Replace the entry by a tombstone, and tell the other processes.

        `seconds` is how long an entry is used: one that is stored after the tombstone's end is too
        old.
        """
        pipeline = self.client.pipeline(transaction=False)
        pipeline.delete(self._key(digest))  # a full Valkey still accepts that
        pipeline.set(self._key(digest), _TOMBSTONE, ex=seconds)
        pipeline.publish(self.name, digest)
        try:
            pipeline.execute()
        except RedisError as error:
            self.log_failure(error)

    def _key(self, digest: bytes) -> str:
        return f"{self.name}:{digest.hex()}"

"""What `jwt-pushed` costs a process in memory: full, and after 100,000 revocations."""

import gc
import tracemalloc
from uuid import uuid4

import pytest

from jwt_auth.pushed import ENTRIES, LivingLogins

pytestmark = pytest.mark.once
REVOKED = 100_000


def allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_full_memory_is_bounded_and_revocations_take_none():
    those = LivingLogins()
    tracemalloc.start()
    try:
        empty = allocated()
        for number in range(ENTRIES + 1000):
            those.entries.put(uuid4().hex, (str(number), number), those.entries.drops)
        full = allocated() - empty
        assert len(those) == ENTRIES
        for _ in range(REVOKED // 100):
            those.entries.drop([uuid4().hex for _ in range(100)])
        revoked = allocated() - empty - full
        those.entries.drop_all()
        forgotten = allocated() - empty
    finally:
        tracemalloc.stop()
    print(f"\n{ENTRIES:,} logins take {full / 1e6:.1f} MB; {REVOKED:,} revocations more take {revoked:,} bytes")
    assert full < 20_000_000  # as pushed.py says
    assert revoked < 100_000
    assert forgotten < 100_000

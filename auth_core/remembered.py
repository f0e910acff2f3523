"""A bounded memory of what was read, from which other threads may drop entries."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """The values that were used last, as many as `most()` returns.

    A reader that stores late must not bring back what was dropped since it began to read. It passes
    to put() the number of drops that get() returned.
    """

    def __init__(self, most: Callable[[], int]):
        self.by_key: OrderedDict[K, V] = OrderedDict()  # the one used longest ago is first
        self.drops = 0  # calls of drop() and drop_all() so far
        self._most = most
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.by_key)

    def get(self, key: K) -> tuple[V | None, int]:
        """Return the value, or None, and the number of drops; call it before the value is read."""
        with self._lock:
            value = self.by_key.get(key)
            if value is not None:
                self.by_key.move_to_end(key)
            return value, self.drops

    def put(self, key: K, value: V, drops: int) -> None:
        """Keep the value, unless something was dropped since get() returned this number."""
        with self._lock:
            if drops != self.drops:
                return  # this key may have been among it
            self.by_key[key] = value
            self.by_key.move_to_end(key)
            if len(self.by_key) > self._most():
                self.by_key.popitem(last=False)

    def drop(self, keys: Iterable[K]) -> None:
        """Drop these keys, whether they are kept or not."""
        with self._lock:
            self.drops += 1
            for key in keys:
                self.by_key.pop(key, None)

    def drop_all(self) -> None:
        """Drop everything."""
        with self._lock:
            self.drops += 1
            self.by_key.clear()

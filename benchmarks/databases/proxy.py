"""Delay what passes between a client and a database.

`python -m benchmarks.databases.proxy ORDER` prints the proxy's port.

It holds everything for half of the round trip in either direction, and keeps the order. It does not
limit throughput. (Linux itself can delay packets, by netem in a network namespace, but that takes
privileges and a kernel that has it.)
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable
from selectors import SelectSelector

from benchmarks.wakeups import sleep_finely

_EARLY = 100e-6  # seconds


class _Awake(SelectSelector):
    """A selector that wakes up early and then polls the clock: waking up takes up to 100 µs.

    It is select(2), because the timeouts of epoll and poll are milliseconds.
    """

    def select(self, timeout: float | None = None):
        return super().select(timeout and timeout - _EARLY)


class _Direction(asyncio.Protocol):
    """One direction: it passes what one end sends to the other, `delay` seconds later."""

    def __init__(self, delay: float):
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        # Timers of the same moment fire in any order, so the order is kept here.
        self._due: deque[tuple] = deque()
        self.other: asyncio.Transport | None = None  # until both ends are there

    def connection_made(self, transport: asyncio.Transport):
        self.transport = transport

    def data_received(self, data: bytes):
        self._later(lambda: self.other.write(data))

    def eof_received(self):
        self._later(lambda: self.other.is_closing() or self.other.write_eof())
        return True  # the way back stays open

    def connection_lost(self, error: Exception | None):
        self._later(lambda: self.other and self.other.close())

    def _later(self, act: Callable):
        self._due.append(act)
        self._loop.call_later(self._delay, lambda: self._due.popleft()())


class _Near(_Direction):
    """The client's end. The proxy connects to the target before it reads from the client."""

    def __init__(self, target: dict, delay: float):
        super().__init__(delay)
        self._target = target

    def connection_made(self, transport: asyncio.Transport):
        super().connection_made(transport)
        transport.pause_reading()
        self._calling = self._loop.create_task(self._call())

    async def _call(self):
        far = _Direction(self._delay)
        far.other = self.transport
        try:
            if "path" in self._target:
                await self._loop.create_unix_connection(lambda: far, self._target["path"])
            else:
                await self._loop.create_connection(lambda: far, self._target["host"], self._target["port"])
        except OSError:
            self.transport.abort()  # as if nobody listened here
        else:
            self.other = far.transport
            self.transport.resume_reading()


async def _serve(target: dict, delay: float):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(target, delay), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        # Standard input closes when the parent process ends.
        await loop.run_in_executor(None, sys.stdin.read)


def main(argument: str):
    order = json.loads(argument)
    sleep_finely()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Awake())) as runner:
        runner.run(_serve(order["target"], order["delay_seconds"]))


if __name__ == "__main__":
    main(sys.argv[1])

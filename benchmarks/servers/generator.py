"""An open-model load generator.

`python -m benchmarks.servers.generator` reads orders as lines of JSON and answers each with one.

Requests have an intended time, one every 1/rate seconds, whatever the server does. A request that
finds no free connection waits for one, and its response time still counts from the intended time.
So a server that stalls is charged for every request that would have arrived, not only for the few
whose answers it delayed (G. Tene, "coordinated omission"; wrk2 does the same). The generator also
reports the response time from the moment of sending.

It uses raw sockets and select(2) in one thread, which takes a tenth of the time of locust's fast
client. At a few thousand requests per second that client would be what is measured. The clock is in
nanoseconds, the answers are in microseconds.
"""

import gc
import json
import select
import socket
import sys
from collections import Counter
from time import perf_counter_ns, process_time_ns
from typing import Any

from hdrh.histogram import HdrHistogram

from benchmarks.wakeups import sleep_finely

LONGEST = 600_000_000  # µs that a histogram holds
DIGITS = 3  # significant ones

PATIENCE = 10.0  # seconds without any answer, after which the generator gives up the missing ones

_LEAD = 5_000_000  # ns between an order and its first request
_MOST_RESENT = 3  # times for one request: a server may close a kept connection at that moment


class _Connection:
    """A connection, kept as long as the server keeps it.

    `freed`  since when no request waits for an answer on it
    """

    __slots__ = ("address", "buffer", "freed", "intended", "resent", "sent", "socket")

    def __init__(self, address: tuple[str, int]):
        self.address = address
        self.freed = 0
        self.resent = 0
        self.open()

    def open(self):
        self.buffer = b""
        self.socket = socket.create_connection(self.address, timeout=10)  # seconds
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        return self.socket.fileno()


class UnreadableError(Exception):
    """An answer whose end cannot be found: no Content-Length (RFC 9112 6)."""


class Generator:
    """A sender of `request`, as it is on the wire, on some kept connections to `address`."""

    def __init__(self, address: tuple[str, int], request: bytes, connections: int):
        self._request = request
        self._connections = [_Connection(address) for _ in range(connections)]

    def close(self):
        for connection in self._connections:
            connection.socket.close()

    def step(self, rate: float | None, seconds: float, grace: float) -> dict[str, Any]:
        """Send `rate` requests per second for `seconds`, then wait `grace` seconds for late ones.

        Without a rate it sends a request whenever a connection is free (a closed model), which
        shows how many a server can answer. A request that is not sent by the end of the grace
        counts with its age at that time.
        """
        free = list(self._connections)
        waiting: dict[int, _Connection] = {}  # file descriptor -> connection that waits for an answer
        taken: list[tuple[int, int, int]] = []  # intended, sent, answered
        late: list[int] = []
        statuses: Counter[int] = Counter()
        self._resent = 0
        gc.collect()
        gc.disable()  # a collection would make requests late
        processor, begin = process_time_ns(), perf_counter_ns() + _LEAD
        for connection in free:
            connection.freed = begin
        interval = 1e9 / rate if rate else 0
        until = begin + int(seconds * 1e9)
        count = int(rate * seconds) if rate else sys.maxsize
        last = until + int(grace * 1e9)
        number, due = 0, begin
        while True:
            now = perf_counter_ns()
            if rate is None and now >= until:
                number = count
            while free and number < count and due <= now and now < last:
                if rate and free[0].freed <= due:  # the one that has been free for longest lies lowest
                    late.append(now - due)
                connection = free.pop()
                connection.intended = due if rate else now
                connection.resent = 0
                self._send(connection, now)
                waiting[connection.fileno()] = connection
                number += 1
                due = begin + int(number * interval)
                now = perf_counter_ns()
            if not waiting and (number >= count or now >= last):
                break
            patience = (due - now) / 1e9 if free and number < count and now < last else PATIENCE
            ready, _, _ = select.select(list(waiting), [], [], max(0.0, patience))
            if not ready and patience == PATIENCE and perf_counter_ns() >= last:
                break
            for descriptor in ready:
                connection = waiting.pop(descriptor)
                status = self._receive(connection)
                if status is None:
                    waiting[connection.fileno()] = connection
                    continue
                now = perf_counter_ns()
                statuses[status] += 1
                if status == 200:
                    taken.append((connection.intended, connection.sent, now))
                connection.freed = now
                free.append(connection)
        end = perf_counter_ns()
        share = (process_time_ns() - processor) / (end - begin)
        gc.enable()
        for connection in waiting.values():
            connection.socket.close()
            connection.open()
        unanswered = [connection.intended for connection in waiting.values()]
        if rate:
            unanswered += [begin + int(each * interval) for each in range(number, count)]
        return {
            "seconds": seconds,
            "offered_per_second": rate,
            "answered": len(taken),
            "per_second": sum(answered <= until for _, _, answered in taken) / seconds,
            "unanswered": len(unanswered),
            "statuses": statuses,
            "resent": self._resent,
            "from_intended": _histogram([*(each[2] - each[0] for each in taken), *(end - each for each in unanswered)]),
            "from_sent": _histogram([answered - sent for _, sent, answered in taken]),
            "late": _histogram(late),
            "processor_share": share,
        }

    def _send(self, connection: _Connection, now: int):
        connection.sent = now
        try:
            connection.socket.sendall(self._request)
        except (BrokenPipeError, ConnectionResetError):
            self._again(connection)

    def _receive(self, connection: _Connection) -> int | None:
        """Return the status once the whole answer has arrived."""
        try:
            data = connection.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._again(connection)
            return None
        connection.buffer += data
        head, separator, body = connection.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        fields = head.lower()
        found = fields.find(b"\r\ncontent-length:")
        if found < 0:
            raise UnreadableError(f"an answer without Content-Length: {head[:200]!r}")
        length = int(fields[found + 17 :].partition(b"\r\n")[0])
        if len(body) < length:
            return None
        connection.buffer = b""
        if b"\r\nconnection: close" in fields:
            connection.socket.close()
            connection.open()
        return int(head[9:12])

    def _again(self, connection: _Connection):
        """Send the request again on a new connection (RFC 9112 9.3.1)."""
        connection.resent += 1
        self._resent += 1
        if connection.resent > _MOST_RESENT:
            raise ConnectionError(f"the server closed {_MOST_RESENT} connections on one request")
        connection.socket.close()
        connection.open()
        connection.socket.sendall(self._request)


def new_histogram() -> HdrHistogram:
    """Return a histogram of 1 to LONGEST µs, each known to a thousandth."""
    return HdrHistogram(1, LONGEST, DIGITS)


def _histogram(nanoseconds: list[int]) -> str:
    """Return a histogram in HdrHistogram's own encoding: V2, compressed, base64."""
    histogram = new_histogram()
    for each in nanoseconds:
        histogram.record_value(min(LONGEST, max(1, round(each / 1000))))
    return histogram.encode().decode("ascii")


def main():
    sleep_finely()
    generator = None
    for line in sys.stdin:
        order = json.loads(line)
        if "port" in order:
            if generator:
                generator.close()
            generator = Generator(
                (order["host"], order["port"]), order["request"].encode("ascii"), order["connections"]
            )
            answer = {"connected": order["connections"]}
        else:
            answer = generator.step(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

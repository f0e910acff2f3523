"""Which servers and proxies pass a header as large as a token of ML-DSA, tried with real tokens.

A server passes a request if it answers 200 and what stands behind it has received exactly what was
sent. Its limit is searched with larger and larger tokens, by halving, down to two characters.
"""

import select
import socket
from contextlib import suppress

from benchmarks.questions.proposals.ml_dsa import echo, servers, tokens
from benchmarks.questions.proposals.ml_dsa.algorithm import NAMES
from benchmarks.questions.proposals.ml_dsa.servers import Kind
from benchmarks.results.records.proposals import Served

SMALLEST, LARGEST = 4096, 1 << 21  # characters of a token; the search ends there
PASSED = "200"
SECONDS = 20  # the longest wait for an answer
# A large request arrives in segments. Some limits are compared with what has arrived so far, so a
# request in one burst over loopback would pass that a network does not get through.
SEGMENT, PAUSE = 1448, 0.0002  # bytes, seconds

BOTH = "ML-DSA-44 and DPoP"  # the proof is signed by it, too, and holds its public key


def run() -> tuple[tuple[Served, ...], tuple[str, ...]]:
    """Return what each server does, and a phrase for each that could not be tried."""
    asked = {name: (tokens.line(tokens.signer(name).sign(tokens.claims())),) for name in ("ES256", *NAMES)}
    asked[BOTH] = tokens.bound_with_proof("ML-DSA-44")
    served, not_tried = [], []
    for kind in servers.KINDS:
        version = kind.version()
        if version is None:
            not_tried.append(f"{kind.name}: not installed")
            continue
        try:
            served.append(_try(kind, version, asked))
        except servers.ServerError as error:
            not_tried.append(f"{kind.name} {version}: {error}")
    return tuple(served), tuple(not_tried)


def _try(kind: Kind, version: str, asked: dict[str, tuple[bytes, ...]]) -> Served:
    with kind.started() as port:
        answers = {name: ask(port, *lines) for name, lines in asked.items()}
        passed, refused, status = search(port)
    return Served(
        name=kind.name,
        version=version,
        limit=kind.limit,
        answers=answers,
        largest_passed=passed,
        smallest_refused=refused,
        refused_with=status,
    )


def search(port: int) -> tuple[int, int | None, str | None]:
    """Return the bytes of the largest line that passed, and of the smallest that did not.

    The last is the answer to the latter. None: the largest of all passed.
    """

    def answer(length: int) -> tuple[int, str]:
        line = tokens.line(tokens.padded("ML-DSA-44", length))
        return len(line), ask(port, line)

    low, high = SMALLEST, LARGEST
    passed, first = answer(low)
    if first != PASSED:
        return 0, passed, first
    refused, status = answer(high)
    if status == PASSED:
        return refused, None, None
    while high - low > 1:
        middle = (low + high) // 2
        size, found = answer(middle)
        if found == PASSED:
            low, passed = middle, size
        else:
            high, refused, status = middle, size, found
    return passed, refused, status


def ask(port: int, *lines: bytes) -> str:
    """Return the status of the answer to a request with these header lines.

    Return "cut" if something else than these lines arrived behind the server, "closed" if it hung
    up without an answer, and "silent" if it said nothing for SECONDS.
    """
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + b"".join(lines) + b"\r\n"
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(ConnectionError):
                for begin in range(0, len(request), SEGMENT):
                    # A server may answer and hang up before it has read all.
                    if select.select([connection], [], [], PAUSE)[0]:
                        break
                    connection.sendall(request[begin : begin + SEGMENT])
            while read := connection.recv(1 << 16):
                received += read
    except TimeoutError:
        return "silent"
    except ConnectionError:
        pass  # after its answer, perhaps
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        return "closed"
    status = head[9:12].decode("latin-1")
    sent = {name.lower(): value.strip() for name, _, value in (each.decode().partition(":") for each in lines)}
    if status == PASSED and body.strip() != echo.digest(sent).encode():
        return "cut"
    return status

"""Network namespaces for a test's servers, as if each had a machine. Linux and root only."""

import ipaddress
import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """A network namespace.

    `prefix` goes before a command that is to run in it, and `address` is its address there.
    `outside` is the address of this machine as seen from it.
    """

    name: str
    address: str
    outside: str

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    @contextmanager
    def cut(self):
        """Drop everything, without an error for either side."""
        _ip("link", "set", self.name, "down")
        try:
            yield
        finally:
            _ip("link", "set", self.name, "up")


def why_not() -> str | None:
    """Return why no network namespace can be made here, or None."""
    if not shutil.which("ip"):
        return "no iproute2 here"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    return done.stderr.strip() or None


@contextmanager
def networks(count: int):
    """Yield this many networks, each joined to this machine alone by a virtual cable (veth)."""
    with ExitStack() as stack:
        yield [stack.enter_context(_network(number)) for number in range(count)]


@contextmanager
def _network(number: int):
    # Names of 15 characters at most. 198.18.0.0/15 is for tests of networks (RFC 2544). Each has
    # four addresses of its own, because several test processes make networks at the same time.
    name = f"trk{os.getpid()}x{number}"
    first = ipaddress.ip_address("198.18.0.0") + (os.getpid() * 4 + number) % 32_768 * 4
    outside, address = str(first + 1), str(first + 2)
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("address", "add", f"{outside}/30", "dev", name)
        _ip("link", "set", name, "up")
        for arguments in (
            ("address", "add", f"{address}/30", "dev", "eth0"),
            ("link", "set", "lo", "up"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", outside),
        ):
            _ip("-netns", name, *arguments)
        yield Network(name, address, outside)
    finally:
        _ip("netns", "delete", name)  # deletes both ends of the cable


def _ip(*arguments: str):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

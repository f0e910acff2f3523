"""The command line of granian, which `serve_demo`, the tests, the lab and the how-to share.

`python -m config.server` starts it for a deployment: with these flags, the options that you add,
and only if nobody else listens on the port.
"""

import argparse
import os
import socket
import sys
from pathlib import Path

FLAGS = (
    *("--interface", "wsgi", "--no-ws"),
    # Over unencrypted HTTP/2, granian holds a thread for minutes after the client has disconnected.
    *("--http", "1"),
    # The largest header section, in bytes. granian's default is 417,792, and some headers take
    # quadratic time to parse.
    *("--http1-buffer-size", "16384"),
)

# The configuration of granian's own log lines with LOG_FORMAT=json. It must not name a module of
# this service: granian's first process would import it, and after a reload every forked worker
# would still run the old version.
JSON_LINES = Path(__file__).with_name("granian_json.json")


def command(host: str, port: int, *more: str) -> list[str]:
    """Return the command line that serves this service, with `more` flags for granian."""
    address = ("--host", host, "--port", str(port))
    return [sys.executable, "-m", "granian", *FLAGS, *more, *address, "config.wsgi:application"]


def base_url(host: str, port: int) -> str:
    """Return `http://host:port`, with an IPv6 address in brackets (RFC 3986 3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def claim(host: str, port: int) -> None:
    """Raise OSError unless a server can listen on the port.

    granian sets SO_REUSEPORT. Without this check, two granians of one user would share the port
    without a word, and the kernel would send each connection to either of them.
    """
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def main(arguments: list[str]) -> None:
    """Become granian, or exit with one line if the port is taken.

    Options that are not named here are granian's, and so is every GRANIAN_ variable.
    """
    parser = argparse.ArgumentParser(prog="python -m config.server", allow_abbrev=False)
    parser.add_argument("--host", default=os.environ.get("GRANIAN_HOST") or "127.0.0.1")
    parser.add_argument("--port", type=int, default=os.environ.get("GRANIAN_PORT") or "8000")
    options, more = parser.parse_known_args(arguments)
    try:
        claim(options.host, options.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"error: cannot listen on {options.host} port {options.port}: {reason}")
    # `python -m` adds the present folder to the module path, where config.wsgi is.
    os.execv(sys.executable, command(options.host, options.port, *more))  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main(sys.argv[1:])

"""The command line of granian, which `serve_demo`, the tests, the lab and the how-to share."""

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

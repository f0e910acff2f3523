"""How granian is started: the flags that the unit of docs/how-to/deploy.md, `serve_demo`, the tests and the lab share."""

import sys
from pathlib import Path

FLAGS = (
    *("--interface", "wsgi", "--no-ws"),
    # HTTP/2 in the clear keeps a thread for minutes after its client has gone.
    *("--http", "1"),
    # Bytes of a header section. granian's default is 417,792, and some headers take quadratic time to parse.
    *("--http1-buffer-size", "16384"),
)

# For granian's own lines with LOG_FORMAT=json. It must name no module of this service: granian's first process would
# import it, and every worker that a reload forks would go on with that old version.
JSON_LINES = Path(__file__).with_name("granian_json.json")


def command(host: str, port: int, *more: str) -> list[str]:
    """Return the command line that serves this service on an address, with `more` flags of granian's."""
    address = ("--host", host, "--port", str(port))
    return [sys.executable, "-m", "granian", *FLAGS, *more, *address, "config.wsgi:application"]


def base_url(host: str, port: int) -> str:
    """Return `http://host:port`, with an IPv6 address in brackets (RFC 3986 3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

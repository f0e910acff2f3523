"""A TLS front of a server whose wheel speaks none: PostgreSQL and Valkey."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL's protocol, 54.2.11


@contextmanager
def front(folder: Path, port: int, postgresql: bool = False) -> Iterator[int]:
    """Listen with the certificate in this folder and pass everything on to a port.

    Yield the port that speaks TLS. PostgreSQL begins in clear, and its client asks for TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            while True:
                threading.Thread(target=pass_on, args=(listener.accept()[0],), daemon=True).start()

    def pass_on(client: socket.socket):
        with suppress(OSError), client:
            if postgresql:
                assert client.recv(8) == _SSL_REQUEST, "a client that does not ask for TLS"
                client.sendall(b"S")
            with (
                context.wrap_socket(client, server_side=True) as inner,
                socket.create_connection(("127.0.0.1", port)) as server,
            ):
                back = threading.Thread(target=pump, args=(server, inner), daemon=True)
                back.start()
                pump(inner, server)
                back.join(10)

    def pump(source: socket.socket, target: socket.socket):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

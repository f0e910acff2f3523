"""A server that does nothing but answer, which shows how many requests the generator can send.

`python -m benchmarks.servers.bare CORE` (empty: any processor) prints its port as JSON.
"""

import json
import os
import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def main(core: str):
    if core:
        os.sched_setaffinity(0, {int(core)})
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        clients = {}
        while True:
            # Standard input closes when the parent process ends.
            for descriptor in select.select([0, listener.fileno(), *clients], [], [])[0]:
                if descriptor == 0:
                    return
                if descriptor == listener.fileno():
                    client, _ = listener.accept()
                    clients[client.fileno()] = client
                elif clients[descriptor].recv(65536):  # the generator sends a request in one piece
                    clients[descriptor].send(ANSWER)
                else:
                    clients.pop(descriptor).close()


if __name__ == "__main__":
    main(sys.argv[1])

"""A server that only answers, to find how many requests the generator sends at the most.

`python -m benchmarks.servers.bare CORE` (empty: on any) says its port, as JSON.
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
            # Ends with who started it: standard input is closed then.
            for descriptor in select.select([0, listener.fileno(), *clients], [], [])[0]:
                if descriptor == 0:
                    return
                if descriptor == listener.fileno():
                    client, _ = listener.accept()
                    clients[client.fileno()] = client
                elif clients[descriptor].recv(65536):  # a request of the generator comes whole
                    clients[descriptor].send(ANSWER)
                else:
                    clients.pop(descriptor).close()


if __name__ == "__main__":
    main(sys.argv[1])

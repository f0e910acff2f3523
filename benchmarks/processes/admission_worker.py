"""Find out whether contenders from outside can take part: `python -m ... admission_worker NAMES`.

It sets the service up with all they need, imports what they name, and makes nothing. It answers in
lines of JSON (see worker.serve).
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.contenders.outside import line
from benchmarks.messages import RefusedError
from benchmarks.processes.worker import serve


def main(names: list[str]):
    def unfit(error: Exception) -> RefusedError:
        return RefusedError(f"{', '.join(names)}: the service cannot be set up with what they need: {line(error)}")

    def work(done: Callable[[str], None]) -> dict[str, Any]:
        from benchmarks.contenders import lineup, outside
        from benchmarks.contenders.wsgi import Handler

        for name in names:
            outside.check_classes(name, lineup.find_scheme(name))
        try:
            Handler()
        except Exception as error:  # noqa: BLE001 - somebody else's code
            raise RefusedError(f"{', '.join(names)}: the middleware cannot be set up: {line(error)}") from None
        return {}

    serve(work, unfit)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""Pin a program to a processor: `python -m benchmarks.servers.pinned CORE MODULE [ARGUMENT …]`.

It runs `python -m MODULE [ARGUMENT …]` on that processor alone (empty: on any) until its standard
input ends. Then it kills its whole process group.
"""

import os
import runpy
import sys
from signal import SIGKILL
from threading import Thread


def main(core: str, module: str, *arguments: str):
    if core:
        os.sched_setaffinity(0, {int(core)})
    Thread(target=_end_with_standard_input, daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_standard_input():
    os.read(0, 1)  # nobody writes to it
    os.killpg(0, SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])

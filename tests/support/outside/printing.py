"""A contender whose module writes past sys.stdout, as a C library does."""

import os

from tests.support.outside.plain import SCHEME

os.write(1, b"a line of somebody's library\n")

__all__ = ["SCHEME"]

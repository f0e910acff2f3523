"""Only a worker's own lines on its standard output are answers."""

import pytest

from benchmarks.processes import start

pytestmark = pytest.mark.once  # no database


def test_bytes_on_file_descriptor_1_are_no_answer():
    start.admit(["tests.support.outside.printing:SCHEME"])


@pytest.mark.parametrize("line", ["hello\n", "", "7\n", "[]\n"])
def test_a_line_that_is_no_message_is_a_failure_and_no_traceback(line):
    with pytest.raises(start.WorkerFailedError, match=r"^w wrote .* on its standard output, which is no answer$"):
        start._parsed("w", line)

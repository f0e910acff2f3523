"""A small Django project for one library: settings, URLs, and the views that a library leaves out.

Only the processes of `refreshes` import these modules.
"""

SETTINGS = f"{__name__}.settings"
SETUP_VARIABLE = "BENCHMARKS_SETUP"  # in the environment of a process: a key of SETUPS

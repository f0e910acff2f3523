"""One module for each command of `python -m benchmarks`. They print; what they call does not."""

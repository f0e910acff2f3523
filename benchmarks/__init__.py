"""The lab: what does each authentication scheme cost? `python -m benchmarks --help` lists the questions."""

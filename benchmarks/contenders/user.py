"""The one user whose requests are timed."""

USERNAME = "benchmarks"
PASSWORD = "correct horse battery staple"

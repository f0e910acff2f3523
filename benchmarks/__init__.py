"""The benchmark lab: it times the authentication schemes on the project's own views."""

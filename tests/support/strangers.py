"""Servers that are not the project's, for a client to talk to."""

BASE = "http://testserver"

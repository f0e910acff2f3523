"""Clients that generators make from `/schema/`, taken through everything that a client does."""

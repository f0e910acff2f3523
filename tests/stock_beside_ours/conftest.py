"""Fixtures of several files of this folder."""

import pytest

from tests.support.stock import LOGIN


@pytest.fixture
def log_in(door_to, user):
    """Return log_in("jwt"), which returns the row's door and a pair obtained there."""

    def log_in(row: str):
        door = door_to(row)
        response = door.client.post("/api/token/", LOGIN)
        assert response.status_code == 200, response.content
        return door, response.json()

    return log_in

"""Fixtures of several files of this folder."""

import logging

import pytest

from tests.support.events import Told


@pytest.fixture
def told():
    handler = Told()
    logging.getLogger("auth").addHandler(handler)
    yield handler
    logging.getLogger("auth").removeHandler(handler)

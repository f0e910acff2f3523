"""Fixtures of several files of this folder."""

import pytest

from tests.support.caches import begin
from tokens.cache import token_cache


@pytest.fixture
def empty_token_cache(transactional_db, settings):
    """Empty the cache before and after the test, without Valkey.

    The cache does not remember what is read in a transaction, so these tests run without one.
    """
    begin(settings)
    yield
    token_cache.close()


@pytest.fixture
def key(user) -> str:
    return user.auth_token.key

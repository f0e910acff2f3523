"""Texts that the tests compare with the API's responses."""

import urllib.request

DEAD_KEY = "0" * 40
STATEMENTS = {
    "drf-token": 1,
    "simplejwt": 1,
    "simplejwt-stateless": 0,
    "token": 1,
    "token-hashed": 1,
    "token-cached": 1,  # nothing is remembered, because each test is a transaction
    "jwt": 1,
    "jwt-pushed": 1,  # for the same reason
    "jwt-stateless": 0,
}


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace")

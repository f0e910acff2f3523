"""What has to happen once a transaction is committed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction


def after_commit(function: Callable[..., Any], *arguments: Any, using: str | None, **fields: Any) -> None:
    """Call a function when the transaction on the database `using` is committed, at once outside.

    An error of the function is logged, because what was committed has happened. Django's `robust`
    logs the error by the function's `__qualname__`, which a `partial` does not have.
    """

    @wraps(function)
    def call() -> None:
        function(*arguments, **fields)

    transaction.on_commit(call, using, robust=True)

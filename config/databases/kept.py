"""What both database backends share: they check a kept connection before a request uses it."""


class KeptConnectionMixin:
    """A mixin that closes a kept connection (CONN_MAX_AGE) that `is_gone`.

    The check runs once per request, before the first query, and not when the request starts. A
    check makes a system call, which releases the GIL. Threads that do so for requests without a
    query starve the listener of tokens/valkey.py.
    """

    def is_gone(self) -> bool:
        """Return True if the connection must not be used any more."""
        raise NotImplementedError

    def close_if_health_check_failed(self):
        if self.connection is not None and not self.health_check_done:
            self.health_check_done = True
            if self.is_gone():
                self.close()

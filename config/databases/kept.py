"""What the backends for both databases share: a kept connection is looked at before a request uses it."""


class KeptConnectionMixin:
    """Give up a kept connection (CONN_MAX_AGE) that `is_gone`: asked once a request, before its first use.

    It is not asked where a request starts. A system call gives the GIL away, and a thread that does
    so all the time, for answers that need no query, starves the listener of tokens/valkey.py.
    """

    def is_gone(self) -> bool:
        """Return True if the connection must not be used any more."""
        raise NotImplementedError

    def close_if_health_check_failed(self):
        if self.connection is not None and not self.health_check_done:
            self.health_check_done = True
            if self.is_gone():
                self.close()

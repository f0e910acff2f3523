"""What a contender answers to a credential after something has happened to its user."""

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.core.cache import cache

from benchmarks.contenders import wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.databases import fill
from config.schemes import Scheme


def statuses(scheme: Scheme, events: Iterable[str], url: str) -> dict[str, int]:
    """Return the status after each event: disabled, deleted or given another password.

    The credential has been used before. The database is filled and has no other users.
    """
    users, handler, found = get_user_model().objects, wsgi.Handler(), {}
    for event in events:
        users.all().delete()
        cache.clear()
        user = users.create_user(fill.USERNAME, password=fill.PASSWORD)
        contender = Contender.of_scheme(scheme, user, [url])
        assert wsgi.ask(handler, contender.environ(url)).status == 200
        if event == "deleted":
            user.delete()
        else:
            user.is_active = event != "disabled"
            if event == "given another password":
                user.set_password("battery staple horse")
            user.save()
        found[event] = wsgi.ask(handler, contender.environ(url)).status
    return found

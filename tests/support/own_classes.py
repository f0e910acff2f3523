"""A project's own subclass of each of our authentication classes, by the name of its row."""

from django.utils.module_loading import import_string

from config.schemes import SCHEMES
from tests.support.events import OURS


def _mine(name: str) -> type:
    return type("Mine", (import_string(SCHEMES[name].authentication),), {"keyword": "Mine", "scheme": "mine"})


globals().update({name: _mine(name) for name in OURS})

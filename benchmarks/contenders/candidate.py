"""Contenders that are not rows of the scheme table.

The lab imports this module before it sets Django up, so classes are named by strings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.schemes import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Scheme):
    """A reference point, another signing algorithm or a third party's class.

    `header`      the header that carries the credential, as WSGI names it
    `separator`   what stands between `keyword` (may be empty) and credential: "=" in a cookie
    `refusal`     the status of a refused request: 403 for a class without a challenge
    `is_own`      whether the class is this project's and not a library's
    `permission`  a permission class in the place of IsAuthenticated, for a library that has no
                  authentication class (`authentication` is empty) and lets in a key, not a user
    `package`     the distribution that has the class, unless the lab requires it anyway
    `apps`        what a service that uses it adds to INSTALLED_APPS
    `middleware`  what it adds to MIDDLEWARE, for all contenders of a run alike: no difference
                  between two of them contains its cost
    `settings`    a function that makes its other settings, called once in each process
    """

    urlconf: str | None = None
    header: str = "HTTP_AUTHORIZATION"
    separator: str = " "
    refusal: int = 401
    is_own: bool = False
    permission: str | None = None
    package: str | None = None
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    settings: Callable[[], Mapping[str, Any]] = dict

    @property
    def is_stock(self) -> bool:
        return not self.is_own

"""What a contender can be that is no row of the scheme table. Imported before Django is set up: strings only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.schemes import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Scheme):
    """A scheme that is no row of the table: a reference point, another algorithm, a third party's class.

    `header`     what carries the credential, as WSGI names it
    `separator`  between `keyword`, which may be empty, and the credential: "=" in a cookie
    `refusal`    the status of whoever may not enter: 403 where a class has no challenge to offer
    `is_own`     whether it is this project's, not a library's own class
    `package`    the distribution it comes with, when the lab's own requirements do not have it
    `apps`       what a service that uses it adds to INSTALLED_APPS
    `middleware` what it adds to MIDDLEWARE, for all contenders of a run: no difference between two holds its cost
    `settings`   what it must have in its settings, made anew in each process
    """

    urlconf: str | None = None
    header: str = "HTTP_AUTHORIZATION"
    separator: str = " "
    refusal: int = 401
    is_own: bool = False
    package: str | None = None
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    settings: Callable[[], Mapping[str, Any]] = dict

    @property
    def is_stock(self) -> bool:
        return not self.is_own

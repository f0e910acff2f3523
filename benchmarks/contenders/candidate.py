"""Contenders that are not rows of the scheme table.

The lab imports this module before it sets Django up, so classes are named by strings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.schemes import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Scheme):
    """A contender that needs more than a class: a reference point, a third party's, or yours.

    It takes keyword arguments only. The fields of Scheme without a default are required: `name`,
    `keyword` (may be empty), `authentication`, `issue` and `summary`. `issue` is called once in
    each process, with the database at hand, and returns a new credential: printable ASCII text.

    `urlconf`     dotted path of the endpoints that `revocation` logs in by.  [None: by `issue`]
    `header`      the header that carries the credential, as WSGI names it.  [HTTP_AUTHORIZATION]
    `separator`   what stands between `keyword` and credential: "=" in a cookie.  [a space]
    `refusal`     the status of a refused request: 403 for a class without a challenge.  [401]
    `is_own`      in the line-up: whether the class is this project's and not a library's. Only the
                  line-up's library classes are called stock, never a class from outside.  [False]
    `permission`  a permission class in the place of IsAuthenticated, for a library that has no
                  authentication class (`authentication` is empty) and lets in a key, not a user.
                  [None]
    `package`     the distribution that has the class, unless the lab requires it anyway.  [None]
    `apps`        what a service that uses it adds to INSTALLED_APPS. The scratch database gets
                  their tables, by their migrations if they have any.  [none]
    `middleware`  what it adds at the end of MIDDLEWARE, for all contenders of a run alike: no
                  difference between two of them contains its cost, unless it looks at the
                  credential.  [none]
    `settings`    a function that makes its other settings, called once in each process. They
                  replace the service's of the same names, for all contenders of a run. The
                  result names them.  [none]

    The lab imports the module that holds it before it sets Django up, so the module names classes
    by dotted paths and imports no models. A field of another type, a name that cannot be imported,
    an app that cannot be installed and a setting that is the lab's own (outside.RESERVED, and what
    benchmarks.settings pins) end a command with a line that names them, before it makes anything.
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

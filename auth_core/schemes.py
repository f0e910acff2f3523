"""The name of the scheme that an authentication class stands for, as events and /whoami/ show it.

Our classes carry it in their attribute `scheme`. A library's class stays as it is: the project
names it here.
"""

from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.settings import api_settings

_of_libraries: dict[type, str] = {}


def name_library_class(cls: type, scheme: str) -> None:
    """Name the scheme of a library's class, but not of the classes derived from it."""
    _of_libraries[cls] = scheme


def scheme_of(cls: type) -> str | None:
    """Return the name of the scheme that this authentication class stands for, or None."""
    return getattr(cls, "scheme", None) or _of_libraries.get(cls)


def enabled_classes() -> list[type[BaseAuthentication]]:
    """Return the authentication classes that open the API unless a view names its own."""
    return cast(list[type[BaseAuthentication]], api_settings.DEFAULT_AUTHENTICATION_CLASSES)


def enabled_schemes() -> list[str]:
    """Return the names of the enabled schemes."""
    return [scheme for cls in enabled_classes() if (scheme := scheme_of(cls))]


def enabled_of(*schemes: str) -> str:
    """Return the first of these schemes that is enabled, or the first of them if none is."""
    enabled = enabled_schemes()
    return next((scheme for scheme in schemes if scheme in enabled), schemes[0])

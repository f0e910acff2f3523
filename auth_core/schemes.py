"""The name and the kind of the scheme that an authentication class stands for.

Events and /whoami/ show the name. The kind is the first word of the names of the endpoints that
come with a scheme: "token" or "jwt". Our classes carry both in their attributes `scheme` and
`kind`, and a subclass may have a `scheme` of its own. A library's class stays as it is: the project
names it here.
"""

from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.settings import api_settings

_of_libraries: dict[type, tuple[str, str]] = {}


def name_library_class(cls: type, scheme: str, kind: str) -> None:
    """Name the scheme and the kind of a library's class."""
    _of_libraries[cls] = scheme, kind


def scheme_of(cls: type) -> str | None:
    """Return the name of the scheme that this authentication class stands for, or None.

    A class derived from a library's has no name, unless it has the attribute `scheme`.
    """
    return getattr(cls, "scheme", None) or _of_libraries.get(cls, (None, None))[0]


def kind_of(cls: type) -> str | None:
    """Return the kind of the scheme that this class, or the one it derives from, stands for."""
    of_libraries = (_of_libraries[base][1] for base in cls.__mro__ if base in _of_libraries)
    return getattr(cls, "kind", None) or next(of_libraries, None)


def dotted(cls: type) -> str:
    """Return the dotted path of a class, for messages: two libraries may name theirs alike."""
    return f"{cls.__module__}.{cls.__name__}"


def enabled_classes() -> list[type[BaseAuthentication]]:
    """Return the authentication classes that open the API unless a view names its own."""
    return cast(list[type[BaseAuthentication]], api_settings.DEFAULT_AUTHENTICATION_CLASSES)


def enabled_from(base: type) -> list[type[BaseAuthentication]]:
    """Return the enabled classes that are `base` or derive from it."""
    return [cls for cls in enabled_classes() if issubclass(cls, base)]


def enabled_schemes() -> list[str]:
    """Return the names of the enabled schemes."""
    return [scheme for cls in enabled_classes() if (scheme := scheme_of(cls))]


def enabled_with(attribute: str, value: object) -> type[BaseAuthentication] | None:
    """Return the first enabled class that has this value in this attribute, or None."""
    return next((cls for cls in enabled_classes() if getattr(cls, attribute, None) == value), None)


def enabled_scheme(attribute: str, value: object) -> str | None:
    """Return the name of the scheme of that class, or None."""
    cls = enabled_with(attribute, value)
    return scheme_of(cls) if cls else None


def refuse_unread(cls: type, base: type, names: tuple[str, ...], instead: str) -> None:
    """Raise TypeError if a subclass has one of the attributes `names`, which `base` never reads.

    An override that nobody calls would be a rule that nobody enforces.
    """
    unread = [name for name in names if getattr(cls, name, None) is not getattr(base, name, None)]
    if unread:
        named = ", ".join(f"`{name}`" for name in unread)
        raise TypeError(f"{cls.__qualname__}: {base.__qualname__} does not read {named}; {instead}")


def refuse_keyword(cls: type) -> None:
    """Raise TypeError unless the `keyword` that a subclass sets is a word or a tuple of words."""
    keyword = vars(cls).get("keyword", "inherited")
    words = keyword if isinstance(keyword, tuple) else (keyword,)
    if not words or not all(isinstance(word, str) and word.split() == [word] for word in words):
        raise TypeError(f"{cls.__qualname__}: `keyword` is {keyword!r}; allowed: a word, or a tuple of words")

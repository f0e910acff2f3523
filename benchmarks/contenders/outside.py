"""Contenders that somebody else wrote: `package.module:SCHEME`, loaded and checked.

Every fault is a RefusedError of one line that names the contender and says what is allowed. The
module is imported before Django is set up, because its apps, middleware and settings are part of
the set-up. A module that needs Django for that, as one with models does, can hold a plain Scheme.
"""

from collections.abc import Callable, Container, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.apps import AppConfig
from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured
from django.utils.module_loading import import_string

from benchmarks.contenders.candidate import Candidate
from benchmarks.messages import REFERENCES, RefusedError
from config.schemes import Scheme

# What the lab sets itself, or takes from another field of a Candidate.
RESERVED = {
    "AUTH_USER_MODEL": "the scratch database has the service's users",
    "DATABASE_ROUTERS": "the lab makes the only database",
    "DATABASES": "the lab makes its own",
    "INSTALLED_APPS": "use `apps`",
    "LOGGING": "what is logged would slow every contender",
    "MIDDLEWARE": "use `middleware`",
    "REST_FRAMEWORK": "it holds for every contender's views",
    "ROOT_URLCONF": "each contender has its own",
    "SECRET_KEY": "each run has a new one",
}


class NeedsDjangoError(Exception):
    """A module that cannot be imported before Django is set up, as one with models."""


def load(name: str) -> Scheme:
    """Return the object that `package.module:SCHEME` names, checked as far as its fields go.

    Raises RefusedError, or NeedsDjangoError.
    """
    module, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise RefusedError(f"{name}: not of the form package.module:SCHEME, such as mine:SCHEME")
    try:
        found = import_module(module)
    except (AppRegistryNotReady, ImproperlyConfigured) as error:
        raise NeedsDjangoError(f"{name}: importing {module} needs Django: {line(error)}") from error
    except Exception as error:  # noqa: BLE001 - somebody else's code
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise RefusedError(
                f"{name}: there is no module {error.name}; allowed: one in the current folder, on PYTHONPATH or in "
                "the folder of --of"
            ) from None
        raise RefusedError(f"{name}: importing {module} raised {line(error)}") from None
    if not hasattr(found, attribute):
        known = [key for key, value in vars(found).items() if isinstance(value, Scheme)]
        raise RefusedError(f"{name}: {module} has no {attribute}; its schemes: {', '.join(known) or 'none'}")
    scheme = getattr(found, attribute)
    if not isinstance(scheme, Scheme):
        raise RefusedError(
            f"{name}: is a {type(scheme).__name__}; allowed: a config.schemes.Scheme or a "
            "benchmarks.contenders.candidate.Candidate"
        )
    for fault in _faults(scheme):
        raise RefusedError(f"{name}: {fault}")
    return scheme


def check_needs(name: str, candidate: Candidate):
    """Raise RefusedError unless its apps can be installed. Call it before Django is set up."""
    if candidate.package and not is_installed(candidate.package):
        raise RefusedError(f"{name}: package: {candidate.package} is not installed")
    for app in candidate.apps:
        try:
            AppConfig.create(app)
        except Exception as error:  # noqa: BLE001 - somebody else's code
            raise RefusedError(f"{name}: apps: {app!r} cannot be installed: {line(error)}") from None


def settings_of(name: str, candidate: Candidate, pinned: Container[str] = ()) -> Mapping[str, Any]:
    """Return the candidate's settings. Raises RefusedError.

    `pinned`  more names that it cannot set, since the lab pins them for every contender
    """
    try:
        made = candidate.settings()
    except Exception as error:  # noqa: BLE001 - somebody else's code
        raise RefusedError(f"{name}: settings() raised {line(error)}") from None
    if not isinstance(made, Mapping):
        raise RefusedError(f"{name}: settings() returned a {type(made).__name__}; allowed: a mapping")
    for key in made:
        if not isinstance(key, str) or not key.isupper():
            raise RefusedError(f"{name}: settings() names {key!r}; allowed: names in capitals")
        if key in RESERVED:
            raise RefusedError(f"{name}: settings() sets {key}, which no candidate can: {RESERVED[key]}")
        if key in pinned:
            raise RefusedError(f"{name}: settings() sets {key}, which no candidate can: the lab pins it for all")
    return made


def check_classes(name: str, scheme: Scheme):
    """Raise RefusedError unless what it names can be imported. Call it after Django is set up."""
    permission = scheme.permission if isinstance(scheme, Candidate) else None
    if scheme.authentication or not permission:
        _check_class(name, "authentication", scheme.authentication, "authenticate")
    if permission:
        _check_class(name, "permission", permission, "has_permission")
    if not callable(_imported(name, "issue", scheme.issue)):
        raise RefusedError(f"{name}: issue: {scheme.issue} cannot be called; allowed: a function of a user")
    for path in scheme.middleware if isinstance(scheme, Candidate) else ():
        _imported(name, "middleware", path)


def _check_class(name: str, field: str, path: str, method: str):
    cls = _imported(name, field, path)
    if not isinstance(cls, type) or not callable(getattr(cls, method, None)):
        raise RefusedError(
            f"{name}: {field}: {path} is no class with {method}(); allowed: a class such as Django REST framework's"
        )


def issued(scheme: Scheme, user) -> str:
    """Return a credential of `user` by the scheme's `issue`. Raises RefusedError."""
    try:
        credential = import_string(scheme.issue)(user)
    except Exception as error:
        raise RefusedError(f"{scheme.name}: {scheme.issue} raised {line(error)}") from error
    if not isinstance(credential, str) or not credential or not credential.isascii() or not credential.isprintable():
        raise RefusedError(
            f"{scheme.name}: {scheme.issue} returned {credential!r:.80}; allowed: text of printable ASCII characters"
        )
    return credential


def is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _faults(scheme: Scheme):
    fields: dict[str, tuple[Callable[[Any], bool], str]] = {
        "name": (_is_word, "text"),
        "keyword": (_is_text, "text"),
        "authentication": (_is_path, "the dotted path of a class"),
        "issue": (_is_path, "the dotted path of a function"),
        "urlconf": (_is_urlconf, "a dotted path, something with urlpatterns, or None"),
        "summary": (_is_text, "text"),
    }
    if isinstance(scheme, Candidate):
        if scheme.permission:
            fields["authentication"] = (lambda value: value == "" or _is_path(value), "a dotted path, or nothing")
        fields |= {
            "permission": (lambda value: value is None or _is_path(value), "the dotted path of a class, or None"),
            "header": (_is_header, "a name of WSGI such as HTTP_AUTHORIZATION"),
            "separator": (_is_text, "text"),
            "refusal": (lambda value: value in (401, 403), "401 or 403"),
            "is_own": (lambda value: isinstance(value, bool), "True or False"),
            "package": (lambda value: value is None or _is_word(value), "the name of a distribution, or None"),
            "apps": (_are_paths, "a tuple of dotted paths"),
            "middleware": (_are_paths, "a tuple of dotted paths"),
            "settings": (callable, "a function that returns a mapping"),
        }
    for field, (is_allowed, allowed) in fields.items():
        value = getattr(scheme, field)
        if not is_allowed(value):
            yield f"{field} is {value!r:.80}; allowed: {allowed}"
    if scheme.name in REFERENCES:
        yield f"name is {scheme.name!r}, which is the lab's own; allowed: any other"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and (not value or value.isprintable())


def _is_word(value: Any) -> bool:
    return _is_text(value) and bool(value.strip())


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and all(part.isidentifier() for part in value.split("."))


def _is_urlconf(value: Any) -> bool:
    return value is None or _is_path(value) or hasattr(value, "urlpatterns")


def _are_paths(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(map(_is_path, value))


def _is_header(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("HTTP_") and value.isupper()


def _imported(name: str, field: str, path: str) -> Any:
    try:
        return import_string(path)
    except Exception as error:  # noqa: BLE001 - somebody else's code
        raise RefusedError(f"{name}: {field}: {path} cannot be imported: {line(error)}") from None


def line(error: Exception) -> str:
    """Return the type and the first line of an exception's text."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"

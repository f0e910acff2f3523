"""From JSON to frozen dataclasses, whose fields say what a result must hold."""

from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

LARGEST = 1e15  # beyond it is no measurement, and axes overflow


class ShapeError(ValueError):
    """The message names the place, what stands there and what would be allowed."""


def shape(kind: Any, value: Any, where: str = "") -> Any:
    """`value`, as json.loads() made it, as `kind`.

    `kind` is a dataclass, tuple[X, ...] (from a list), dict[str, X], X | None, Literal[...], float, int,
    str, bool or Any. A dataclass takes the fields it has, each by its name, leaves out the others, and falls back
    on its defaults.
    Raises ShapeError.
    """
    if kind is Any:
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (some,) = set(arguments) - {NoneType}
        return None if value is None else shape(some, value, where)
    if origin is Literal:
        _expect(value in arguments, value, where, f"one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        _expect(isinstance(value, list), value, where, "a list")
        return tuple(shape(arguments[0], each, f"{where}[{index}]") for index, each in enumerate(value))
    if origin is dict:
        _expect(isinstance(value, dict), value, where, "an object")
        return {key: shape(arguments[1], each, f"{where}[{key!r}]") for key, each in value.items()}
    if is_dataclass(kind):
        _expect(isinstance(value, dict), value, where, "an object")
        found = _fields(kind, value, where)
        try:
            return kind(**found)
        except ValueError as error:
            raise ShapeError(f"{where or 'the result'}: {error}") from None
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        _expect(number and -LARGEST <= value <= LARGEST, value, where, f"a number within ±{LARGEST:g}")
        return float(value)
    # bool is an int to isinstance, and is none here.
    _expect(type(value) is kind, value, where, {int: "a whole number", str: "a text", bool: "true or false"}[kind])
    return value


def _fields(kind: type, value: dict[str, Any], where: str) -> dict[str, Any]:
    hints = get_type_hints(kind)
    found = {}
    for field in fields(kind):
        place = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            found[field.name] = shape(hints[field.name], value[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ShapeError(f"{place} is missing")
    return found


def _expect(holds: bool, value: Any, where: str, allowed: str):
    if not holds:
        text = repr(value)
        raise ShapeError(f"{where or 'the result'} is {text if len(text) <= 60 else text[:59] + '…'}, not {allowed}")

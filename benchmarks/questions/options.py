"""Options that commands share and that need more than a type."""

from math import isfinite

import click

from config.switches import SWITCHES


def lifetime(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Seconds of a text such as 5m, read as the switch JWT_<the option's name> is. Raises click.BadParameter."""
    switch = SWITCHES[f"JWT_{parameter.name.upper()}"]
    try:
        return switch.parse(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from None


class Finite(click.FloatRange):
    """A number in a range; nan, which is in every range, and infinity are none."""

    def convert(self, value, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{number} is no number; allowed: {self._describe_range()}", param, ctx)
        return number

"""Tell a value that no column can be compared with from a defect of this service."""

import traceback

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DataError, models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.utils import CursorWrapper
from django.db.models.options import Options
from django.db.models.sql import Query

# Their methods turn a client's value into one that a column can be compared with, or its name into
# a column.
_LOOKING_UP = (models.Field, models.Lookup, Options, Query, BaseDatabaseOperations, CursorWrapper)
_DATES = ChangeList.get_filters.__code__  # where the admin makes the dates of `date_hierarchy`


def is_impossible_value(error: BaseException) -> bool:
    """Return True if no column can be compared with a given value: "abc", year 0, NUL.

    The types say little, since any code may raise them. The sign is that the error passed through a
    method of one of the ORM's own objects, or was raised where the admin reads a date. The same
    error from this project's own code is a defect.
    """
    if isinstance(error, DataError):
        return True
    if not isinstance(error, ValueError | OverflowError | ValidationError | FieldDoesNotExist):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_of_the_orm = any(isinstance(frame.f_locals.get("self"), _LOOKING_UP) for frame in frames)
    return is_of_the_orm or frames[-1].f_code is _DATES

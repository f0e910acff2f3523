"""Model instances made of a row's values without `Model.__init__`, where nobody can notice it.

`Model.from_db` looks up each value's field, asks twice for listeners and sets each attribute by a
call. The instances that are made here have the same attributes in the same order.
"""

from collections.abc import Sequence
from inspect import getattr_static
from typing import Any, Generic, TypeVar

from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

M = TypeVar("M", bound=Model)


class Maker(Generic[M]):
    """Make instances of a model from the values of the columns `names`, all others deferred.

    `names` are attribute names in the order of the model's columns. `Model.from_db` makes the
    instances of a model that replaces a method or an attribute which takes part in that, and all
    instances while somebody listens to pre_init or post_init of the model.
    """

    def __init__(self, model: type[M], names: Sequence[str]):
        self.model, self.names = model, tuple(names)
        self._is_plain = _is_plain(model, self.names)

    def __call__(self, alias: str, values: Sequence[Any]) -> M:
        """Return the instance that has these values, in the order of `names`, in this database."""
        model = self.model
        if not self._is_plain or _has_listeners(model):
            return model.from_db(alias, self.names, values)
        instance: M = object.__new__(model)
        state = instance._state = ModelState()
        state.adding, state.db = False, alias
        instance.__dict__.update(zip(self.names, values, strict=True))
        return instance


def _is_plain(model: type[Model], names: Sequence[str]) -> bool:
    """Return True if `from_db` would do no more than put the values into the `__dict__`."""
    made_as_usual = (
        type(model).__call__ is type.__call__
        and model.__new__ is object.__new__
        and model.__init__ is Model.__init__
        and super(Model, model).__init__ is object.__init__  # what Model's own calls at its end
        and model.__setattr__ is object.__setattr__
        and model.from_db.__func__ is Model.from_db.__func__  # type: ignore[attr-defined]
    )
    # The setter of a foreign key's attribute forgets the cached instance; a new one has none.
    usual = (DeferredAttribute, ForeignKeyDeferredAttribute)
    return made_as_usual and all(type(getattr_static(model, name)) in usual for name in names)


def _has_listeners(model: type[Model]) -> bool:
    # An empty list is seen ten times as fast as that no listener in it is the model's.
    if not pre_init.receivers and not post_init.receivers:
        return False
    return pre_init.has_listeners(model) or post_init.has_listeners(model)

"""Issue a credential only while the account is as it was when its password was checked."""

from contextlib import nullcontext
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, router, transaction
from django.db.models import BooleanField, Model, QuerySet
from django.db.models.signals import post_save, pre_save

from auth_core import prepared, revocation


def _locked_user() -> QuerySet[Any]:
    users = get_user_model()
    return users._base_manager.select_for_update(no_key=True).filter(pk=prepared.Parameter(users._meta.pk))


_LOCKED_USER = prepared.Query(_locked_user)


def is_unchanged(user: AbstractBaseUser, now: AbstractBaseUser | None) -> bool:
    """Return True if `now`, which was read later, has the password of `user` and is active.

    A renewed hash is no change: `password_rehash.check_password` leaves it on `user`.
    """
    return now is not None and now.is_active and now.password == user.password


def lock_if_unchanged(user: AbstractBaseUser) -> bool:
    """Lock the user's row until the transaction ends; return True if the account is unchanged.

    Call it inside `transaction.atomic()`, between checking a password and issuing a credential. A
    change of password, a deactivation or a deletion then either came before, and the answer is
    False, or waits.
    """
    return is_unchanged(user, _LOCKED_USER.first(user.pk))


def insert_if_unchanged(credential: Model, user: AbstractBaseUser) -> bool:
    """Insert this new row, whose key is known, in one statement that checks the user's account.

    It is `INSERT ... SELECT ... FROM users WHERE ... FOR NO KEY UPDATE`, which locks the user's row
    and checks the account as `lock_if_unchanged` does. False means that nothing was inserted: the
    account changed, a row with the same unique value exists, or the user model has no column for
    the password or for being active. The caller then locks and looks. The signals of `save()` are
    sent; where somebody listens, a transaction lets an error of theirs undo the insert.
    """
    model = type(credential)
    alias = router.db_for_write(model, instance=credential)
    insertion = _insertion(model, connections[alias])
    if insertion is None:
        return False
    sent: dict[str, Any] = {"instance": credential, "raw": False, "using": alias, "update_fields": None}
    is_heard = pre_save.has_listeners(model) or post_save.has_listeners(model)
    with transaction.atomic(using=alias) if is_heard else nullcontext():
        pre_save.send(sender=model, **sent)
        if not insertion.run(credential, user):
            return False
        credential._state.adding, credential._state.db = False, alias
        post_save.send(sender=model, created=True, **sent)
    return True


def _insertion(model: type[Model], connection: Any) -> "_Insertion | None":
    """Return the statement of `insert_if_unchanged` for this connection, compiled once."""
    known: dict[type[Model], _Insertion | None] = connection.__dict__.setdefault("insertions_if_unchanged", {})
    if model not in known:
        users = get_user_model()._meta
        has_columns = revocation.has_field("password") and revocation.has_field("is_active")
        is_plain = has_columns and isinstance(users.get_field("is_active"), BooleanField)
        known[model] = _Insertion(model, connection) if is_plain else None
    return known[model]


class _Insertion:
    """The statement of `insert_if_unchanged`; the ORM writes its SELECT."""

    def __init__(self, model: type[Model], connection: Any):
        self.connection = connection
        self.fields = model._meta.concrete_fields
        users = get_user_model()
        self.conditions: Any = [users._meta.pk, *map(users._meta.get_field, ("password", "is_active"))]
        unchanged = users._base_manager.all()
        for field in self.conditions:
            unchanged = unchanged.filter(**{field.name: prepared.Parameter(field)})
        row: Any = unchanged.values_list(*map(prepared.Parameter, self.fields))
        select, _ = row.query.get_compiler(connection=connection).as_sql()
        quoted = connection.ops.quote_name
        columns = ", ".join(quoted(field.column) for field in self.fields)
        # The ORM refuses select_for_update() outside of a transaction; one statement needs none.
        lock = " FOR NO KEY UPDATE" if connection.features.has_select_for_no_key_update else ""
        self.sql = f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) {select}{lock} ON CONFLICT DO NOTHING"

    def run(self, row: Model, user: AbstractBaseUser) -> bool:
        """Return True if the row was inserted."""
        values = [field.get_db_prep_save(field.pre_save(row, True), self.connection) for field in self.fields]
        for field, value in zip(self.conditions, (user.pk, user.password, True), strict=True):
            values.append(field.get_db_prep_value(value, self.connection))
        with self.connection.cursor() as cursor:
            cursor.execute(self.sql, values)
            return bool(cursor.rowcount)

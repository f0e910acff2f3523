"""Instances made without `Model.__init__` are what the ORM makes, and nobody's code is skipped."""

import pickle
from contextlib import contextmanager

import pytest
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import post_init, pre_init
from django.test.utils import isolate_apps
from rest_framework.authtoken.models import Token

from auth_core.instances import Maker
from tokens.models import HashedToken, OpaqueToken
from tracks.models import Track

User = get_user_model()


def names_of(model) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def attributes(instance) -> tuple:
    """Return all attributes in their order, and the state's."""
    own = [(name, value) for name, value in vars(instance).items() if name != "_state"]
    state = {"fields_cache": {}} | vars(instance._state)  # which is made at its first use
    return type(instance), list(vars(instance)), own, type(instance._state), state


@contextmanager
def without_init(monkeypatch):
    """Run a block in which `Model.__init__` fails."""
    with monkeypatch.context() as patch:
        patch.setattr(models.Model, "__init__", lambda *_, **__: pytest.fail("Model.__init__ was called"))
        yield


@pytest.mark.parametrize("model", [User, Token, OpaqueToken, HashedToken, Track])
def test_an_instance_is_what_from_db_makes_of_the_same_values(model, monkeypatch):
    names = names_of(model)
    for given in (names, names[:2], names[1:], [names[-1]]):
        values = [object() for _ in given]
        make = Maker(model, given)
        with without_init(monkeypatch):
            made = make("replica", values)
        expected = model.from_db("replica", given, values)
        assert attributes(made) == attributes(expected)
        assert made.get_deferred_fields() == expected.get_deferred_fields()
        assert made._state.fields_cache == expected._state.fields_cache == {}


def test_it_can_be_saved_compared_copied_and_its_deferred_fields_read(db, django_assert_num_queries):
    user = User.objects.create_user("ada", email="ada@example.com")
    names = ["id", "username"]
    made = Maker(User, names)("default", (user.pk, "ada"))
    assert (made, hash(made), str(made), repr(made)) == (user, hash(user), "ada", repr(user))
    assert pickle.loads(pickle.dumps(made)).username == "ada"
    with django_assert_num_queries(1):
        assert made.email == "ada@example.com"
    made.username = "eve"
    made.save()
    assert User.objects.get().username == "eve"
    token = Maker(Token, names_of(Token))("default", ("key", user.pk, None))
    with django_assert_num_queries(1):
        assert token.user == user
    token.user_id = user.pk + 1
    with pytest.raises(User.DoesNotExist):
        token.user.username  # noqa: B018


def test_as_many_values_as_names_are_wanted():
    for wrong in ((), (1, 2, 3)):
        with pytest.raises(ValueError, match="argument"):
            Maker(User, ["id", "username"])("default", wrong)


@pytest.mark.parametrize("signal", [pre_init, post_init], ids=["pre_init", "post_init"])
def test_who_listens_hears_of_each_instance(signal, monkeypatch):
    heard = []
    make, others = Maker(User, names_of(User)), Maker(Token, names_of(Token))
    values = [1] * len(make.names)

    def listen(sender, **_):
        heard.append(sender)

    signal.connect(listen, sender=User)
    try:
        expected = User.from_db("default", make.names, values)
        assert attributes(make("default", values)) == attributes(expected)
        assert heard == [User, User]
        with without_init(monkeypatch):  # another model's listener is none of theirs
            others("default", (1, 2, 3))
    finally:
        signal.disconnect(listen, sender=User)
    with without_init(monkeypatch):
        make("default", values)
    assert heard == [User, User]


class Mixin:
    def __init__(self, *args, **kwargs):
        self.mixed = True
        super().__init__(*args, **kwargs)


class Meta(models.base.ModelBase):
    def __call__(self, *args, **kwargs):
        instance = super().__call__(*args, **kwargs)
        instance.called = True
        return instance


class Lower(models.CharField):
    class Attribute:
        def __init__(self, field):
            self.field = field

        def __set__(self, instance, value):
            vars(instance)[self.field.attname] = value.lower()

    descriptor_class = Attribute


class Shouting:
    @property
    def text(self):
        return vars(self)["said"].upper()

    @text.setter
    def text(self, value):
        vars(self)["said"] = value


@isolate_apps("tests")
def test_a_model_that_takes_part_in_making_instances_is_asked(monkeypatch):
    class Base(models.Model):
        text = models.CharField(max_length=9)

        class Meta:
            abstract = True
            app_label = "tests"

    class Plain(Base):
        pass

    class Child(Plain):
        more = models.IntegerField()

    class WithInit(Base):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.first = self.text

    class MixedBefore(Mixin, Base):
        pass

    class MixedAfter(Base, Mixin):
        pass

    class WithNew(Base):
        def __new__(cls, *args, **kwargs):
            instance = super().__new__(cls)
            instance.new = True
            return instance

    class WithSetattr(Base):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            vars(self)[f"{name}_set"] = True

    class WithFromDb(Base):
        @classmethod
        def from_db(cls, db, field_names, values, **kwargs):
            instance = super().from_db(db, field_names, values, **kwargs)
            instance.loaded = tuple(values)
            return instance

    class WithMeta(Base, metaclass=Meta):
        pass

    class WithFile(Base):
        file = models.FileField()

    class WithAttribute(Base):
        lower = Lower(max_length=9)

    class WithProperty(Shouting, models.Model):
        text = models.CharField(max_length=9)

        class Meta:
            app_label = "tests"

    plain = [Plain, Child]
    asked = [WithInit, MixedBefore, MixedAfter, WithNew, WithSetattr, WithFromDb, WithMeta, WithFile, WithAttribute]
    for model in (*plain, *asked, WithProperty):
        names = names_of(model)
        values = [f"VALUE{number}" for number in range(len(names))]
        made = Maker(model, names)("default", values)
        expected = model.from_db("default", names, values)
        assert attributes(made) == attributes(expected), model
        assert made.text == expected.text, model
        if model in plain:
            with without_init(monkeypatch):
                Maker(model, names)("default", values)

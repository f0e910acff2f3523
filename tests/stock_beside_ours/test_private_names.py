"""Guards for what the code uses of libraries without their promise to keep it.

A library may rename or change in any version what its documentation does not describe. Each test
says which file uses what, and which versions it was read in.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.core.cache.backends import locmem, redis
from django.core.handlers.wsgi import WSGIRequest
from django.core.paginator import Paginator
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from drf_spectacular.openapi import AutoSchema
from prometheus_client import mmap_dict
from psycopg._connection_base import BaseConnection
from psycopg._preparing import PrepareManager
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from rest_framework.utils import mediatypes

from tests.support import servers
from tracks.models import Album, Artist, Track

FOLDERS = ("auth_core", "tokens", "jwt_auth", "tracks", "telemetry", "config")
DOCUMENTED = {"_meta", "_state", "_base_manager", "_default_manager"}
# Private name -> what has it, and its parameters if it is called.
PRIVATE: dict[str, tuple[Any, str | None]] = {
    "_INITIAL_MMAP_SIZE": (mmap_dict, None),
    "_MediaType": (mediatypes, "media_type_str"),
    "_cache": (redis.RedisCache("redis://127.0.0.1", {}), None),
    "_capacity": (mmap_dict.MmapedDict, None),
    "_close": (BaseDatabaseWrapper, "self"),
    "_fname": (mmap_dict.MmapedDict, None),
    "_get_filter_parameters": (AutoSchema, "self"),
    "_get_page": (Paginator, "self, args, kwargs"),
    "_get_paginator": (AutoSchema, "self"),
    "_get_request_body": (AutoSchema, "self, direction"),
    "_get_response_bodies": (AutoSchema, "self, direction"),
    "_init_value": (mmap_dict.MmapedDict, "self, key"),
    "_is_list_view": (AutoSchema, "self, serializer"),
    "_lock": (locmem.LocMemCache("guard", {}), None),
    "_map_basic_serializer": (AutoSchema, "self, serializer, direction"),
    "_max_entries": (locmem.LocMemCache("guard", {}), None),
    "_names": (PrepareManager, None),
    "_prepared": (BaseConnection, None),
    "_used": (mmap_dict.MmapedDict, None),
    "_set_content_type_params": (WSGIRequest, "self, meta"),
}


def installed() -> str:
    names = ("Django", "djangorestframework", "djangorestframework_simplejwt", "PyJWT", "drf-spectacular")
    return ", ".join(f"{name} {version(name)}" for name in names)


@cache
def trees() -> dict[Path, ast.Module]:
    files = (file for folder in FOLDERS for file in sorted((servers.ROOT / folder).rglob("*.py")))
    return {file.relative_to(servers.ROOT): ast.parse(file.read_text()) for file in files}


def defined(tree: ast.Module) -> list[str]:
    """Return the names that a file gives to a function, a class, a variable or an attribute."""
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) or (isinstance(node, ast.AnnAssign) and node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inner = [each for target in targets for each in ast.walk(target)]
            names += [getattr(each, "attr", getattr(each, "id", "")) for each in inner]
    return names


def is_of_super(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super"


def used() -> Iterator[tuple[str, Path]]:
    """Yield each private name of a library that a file uses."""
    names = {file: defined(tree) for file, tree in trees().items()}
    for file, tree in trees().items():
        elsewhere = {name for other in names if other != file for name in names[other]}
        twice = {name for name in names[file] if names[file].count(name) > 1}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in FOLDERS:
                yield from ((each.name, file) for each in node.names if each.name.startswith("_"))
            elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                # super() calls what another class has, of this project or of a library.
                own = elsewhere | twice if is_of_super(node) else {*names[file]}
                if node.attr not in own | DOCUMENTED:
                    yield node.attr, file


def test_every_private_name_in_use_has_a_guard_here():
    assert {name for name, _ in used()} == PRIVATE.keys()


@pytest.mark.parametrize("name", PRIVATE)
def test_the_library_still_has_it_with_these_parameters(name):
    holder, parameters = PRIVATE[name]
    files = ", ".join(sorted({str(file) for each, file in used() if each == name}))
    message = f"{files} uses {name}, which differs in {installed()}"
    assert name in dir(holder) or re.search(rf"self\.{name}(: .+)? = ", inspect.getsource(holder)), message
    if parameters is not None:
        assert ", ".join(inspect.signature(getattr(holder, name)).parameters) == parameters, message


def test_the_compiler_says_which_columns_make_which_model():
    """auth_core/prepared.py reads these attributes of the ORM's compiler."""
    queryset = Track.objects.select_related("album__artist", "owner").filter(pk=1)
    compiler: Any = queryset.query.chain().get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    assert (sql.count("%s"), list(parameters)) == (1, [1]), installed()
    root = compiler.klass_info
    album, owner = root["related_klass_infos"]
    (artist,) = album["related_klass_infos"]
    infos = [root, album, artist, owner]
    assert [info["model"] for info in infos] == [Track, Album, Artist, get_user_model()], installed()
    assert [info.get("from_parent") for info in infos] == [None, False, False, False], installed()
    assert sorted(place for info in infos for place in info["select_fields"]) == list(range(len(compiler.select)))
    for info in infos:
        names = [compiler.select[place][0].target.attname for place in info["select_fields"]]
        assert names == [field.attname for field in info["model"]._meta.concrete_fields], installed()
    track, made = Track(), Album()
    album["local_setter"](track, made)
    album["remote_setter"](made, track)
    assert track.album is made, installed()
    columns = [column for column, *_ in compiler.select]
    for place, (converters, expression) in compiler.get_converters(columns).items():
        assert expression is columns[place], installed()
        assert all(map(callable, converters)), installed()


def test_psycopg_keeps_the_names_of_its_prepared_statements_by_text_and_types():
    """auth_core/direct_postgresql.py runs a statement by the name that psycopg gave it."""
    with psycopg.connect(servers.start_postgresql(), autocommit=True, prepare_threshold=0) as pg:
        names = pg._prepared._names
        for _ in range(2):
            pg.execute("SELECT %s || '%%', 1 / (%s - 80000)", ["a", 70_000])
            assert len(names) == 1
        ((key, name),) = names.items()
        dumper = Transformer(pg)
        values = dumper.dump_sequence(["b", 80_000], [PyFormat.AUTO] * 2)
        assert key == (b"SELECT $1 || '%', 1 / ($2 - 80000)", dumper.types)
        pg.pgconn.send_describe_prepared(name)
        (described,) = pg.wait(execute(pg.pgconn))
        assert (described.status, [described.ftype(place) for place in (0, 1)]) == (ExecStatus.COMMAND_OK, [25, 23])
        pg.pgconn.send_query_prepared(name, values, dumper.formats, Format.BINARY)
        (result,) = pg.wait(execute(pg.pgconn))
        assert result.status == ExecStatus.FATAL_ERROR
        assert isinstance(error_from_result(result, dumper.encoding), psycopg.DataError)
        pg.execute("ROLLBACK")
        assert pg._prepared._names is names
        assert not names


def classes() -> Iterator[type]:
    """Yield each class of the project's own code."""
    for folder in FOLDERS:
        package = import_module(folder)
        modules = (each.name for each in walk_packages(package.__path__, f"{folder}."))
        for name in modules:
            if ".migrations." in name or name in ALONE:
                continue
            module = import_module(name)
            yield from (each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == name)


# They do something when they are imported.
ALONE = {"config.wsgi", "config.admin", "telemetry.metrics", "telemetry.metrics_view"}


def is_ours(each: type) -> bool:
    return each.__module__.partition(".")[0] in FOLDERS


def missing(ours: Any, theirs: Any) -> list[str]:
    """Return the parameters of theirs that ours takes neither by place nor by name."""
    taken = inspect.signature(ours).parameters
    kinds = [each.kind for each in taken.values()]
    places = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) + kinds.count(inspect.Parameter.POSITIONAL_ONLY)
    lacks = []
    for place, each in enumerate(inspect.signature(theirs).parameters.values()):
        by_place = each.kind is not each.KEYWORD_ONLY and (place < places or each.VAR_POSITIONAL in kinds)
        by_name = each.name in taken or each.VAR_KEYWORD in kinds
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD) and not by_place and not by_name:
            lacks.append(each.name)
    return lacks


def test_each_method_that_replaces_a_librarys_takes_its_parameters():
    """A library passes what it likes to its own methods, and Django 6.1 passes more than 5.2."""
    wrong = []
    for each in classes():
        for name, method in vars(each).items():
            if not inspect.isfunction(method) or name == "__init__":
                continue
            theirs = next((vars(base)[name] for base in each.__mro__ if name in vars(base) and not is_ours(base)), None)
            if inspect.isfunction(theirs) and (lacks := missing(method, theirs)):
                wrong.append(f"{each.__module__}.{each.__name__}.{name} lacks {', '.join(lacks)}")
    assert not wrong, f"with {installed()}"

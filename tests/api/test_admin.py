"""Garbage sent to every page of the admin: in ids, actions, filters, pages and hidden fields."""

from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import models
from django.urls import reverse

from auth_core.impossible_values import is_impossible_value
from tracks.models import Album

pytestmark = pytest.mark.django_db

PAGES = pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label_lower)
GARBAGE = ["", "abc", "0", "-1", "1.5", "9" * 20, "9" * 5000, "a\0b", "\ud800", "_00", "9999", "1,x"]

FORM = "application/x-www-form-urlencoded"


def page(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def query(*parameters):
    return urlencode(parameters, errors="surrogatepass")


def fails(response) -> bool:
    return response.status_code not in (200, 302, 400, 403, 404)


@PAGES
def test_a_list_asked_with_garbage_is_no_error_of_the_server(pages, model):
    address = page(model, "changelist")
    names = ["o", "q", "_to_field", "pk"]
    if model is get_user_model():  # Django reads these before it knows the model.
        names += ["p", "all", "_popup", "_changelist_filters", "_facets", "nosuch"]
    listed = admin.site.get_model_admin(model).list_filter
    filters = [each if isinstance(each, str) else each[0] for each in listed]
    # Fields of one class behave alike, except those that have a filter.
    for field in {(type(field), field.name in filters): field for field in model._meta.fields}.values():
        names += [field.name, f"{field.name}__in"]
        if isinstance(field, models.DateTimeField):
            names += [f"{field.name}__{part}" for part in ("year", "month", "gte")]
    asked = [query((name, text)) for name in names for text in GARBAGE] + [query((text, "1")) for text in GARBAGE]
    assert not [one for one in asked if fails(pages.get(f"{address}?{one}"))]


@PAGES
def test_an_action_on_garbage_is_no_error_of_the_server(pages, staff, rf, model):
    request = rf.get("/")
    request.user = staff
    asked = [
        query(("action", action), ("_selected_action", text), *more)
        for action in admin.site.get_model_admin(model).get_actions(request)
        for text in GARBAGE
        for more in ((), (("post", "yes"),), (("index", text),))
    ]
    asked += [query(("action", action), ("_selected_action", "1")) for action in ("nosuch", "", "\0")]
    assert not [one for one in asked if fails(pages.post(page(model, "changelist"), one, content_type=FORM))]


@PAGES
@pytest.mark.parametrize("name", ["change", "delete", "history"])
def test_a_row_of_a_garbage_id_is_not_there(pages, model, name):
    for text in filter(None, GARBAGE):
        address = page(model, name, text.encode(errors="surrogatepass"))
        for response in (pages.get(address), pages.post(address, {"post": "yes"})):
            assert response.status_code in (302, 400, 403, 404), address


@PAGES
def test_a_form_filled_with_garbage_is_no_error_of_the_server(pages, model):
    row = model._default_manager.first()
    # What a token is named by in the admin is its user's id.
    named = page(model, "change", row.user_id if model._meta.model_name == "opaquetoken" else row.pk)
    names = [field.name for field in (*model._meta.fields, *model._meta.many_to_many)]
    for address in (page(model, "add"), named):
        for text in GARBAGE:
            form = query(*((name, text) for name in names))
            asked = [query(*((name, text) for name in [*names, "_changelist_filters"])), query(("_to_field", text))]
            assert not [one for one in asked if fails(pages.get(f"{address}?{one}"))]
            assert not fails(pages.post(address, form, content_type=FORM)), (address, text)


@pytest.mark.parametrize("name", ["app_label", "model_name", "field_name", "term", "page"])
@pytest.mark.parametrize(
    "field", ["tracks.track.album", "tracks.album.artist", "tokens.opaquetoken.user", "tokens.hashedtoken.user"]
)
def test_an_autocomplete_asked_with_garbage_is_no_error_of_the_server(pages, field, name):
    asked = dict(zip(("app_label", "model_name", "field_name"), field.split("."), strict=True))
    for text in GARBAGE:
        assert not fails(pages.get(f"/admin/autocomplete/?{query(*(asked | {name: text}).items())}")), text


def test_an_impossible_value_is_refused_as_the_client_wants_to_read_it(pages):
    action = {"action": "log_out_everywhere", "_selected_action": "abc"}
    response = pages.post("/admin/auth/user/", action)
    assert (response.status_code, response.json()) == (400, {"detail": "Bad request."})
    response = pages.post("/admin/auth/user/", action, headers={"Accept": "text/html"})
    assert (response.status_code, response["Content-Type"].split(";")[0]) == (400, "text/html")


def staff_list(rf, staff, search):
    """Return a list of the admin whose search calls `search`."""

    class OurAdmin(admin.ModelAdmin):
        def get_search_results(self, request, queryset, search_term):
            return search()

    request = rf.get("/", {"q": "x"})
    request.user = staff
    return OurAdmin(Album, admin.site).get_changelist_instance(request)


def test_an_error_of_ours_is_not_taken_for_the_clients(rf, staff):
    with pytest.raises(ValueError) as of_the_database:
        get_user_model().objects.get(pk="abc")
    with pytest.raises(ValueError) as of_ours:
        int("abc")
    with pytest.raises(ValueError) as within_the_admin:
        staff_list(rf, staff, search=lambda: int("abc"))
    assert not is_impossible_value(within_the_admin.value)
    assert is_impossible_value(of_the_database.value)
    assert not is_impossible_value(of_ours.value)

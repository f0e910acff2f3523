"""The admin's pages for both tables of opaque tokens."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from rest_framework.authtoken.admin import TokenAdmin  # importing it registers TokenProxy
from rest_framework.authtoken.models import TokenProxy

from auth_core import events, revocation
from tokens import hashed, models
from tokens.service import TokenService

if admin.site.is_registered(TokenProxy):
    admin.site.unregister(TokenProxy)


class _LogsEventsMixin(revocation.LogsRevocationMixin):
    """For a ModelAdmin of tokens: log what it does to them.

    The user is chosen from a list if the admin can search users, otherwise by id.
    """

    service: TokenService[Any]

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        site, user_model = self.admin_site, get_user_model()
        is_there = site.is_registered(user_model)
        return ("user",) if is_there and site.get_model_admin(user_model).get_search_fields(request) else ()

    def log_revocation(self, request: HttpRequest, obj: Any) -> None:
        self.log_event(events.TOKEN_REVOKED, obj, request)

    def log_event(self, event: str, token: Any, request: HttpRequest) -> None:
        """Log an event of the token with the administrator's address."""
        self.service.log_event(event, token, reason=revocation.ADMIN, request=request)


@admin.register(models.OpaqueToken)
class OpaqueTokenAdmin(_LogsEventsMixin, TokenAdmin):
    """DRF's admin without the key: it is on no page, in no URL and not in django_admin_log."""

    service = models
    list_display = ("prefix", "user", "created", "expires")
    list_select_related = ("user",)
    fields = ("user", "prefix", "created", "expires")
    readonly_fields = ("prefix", "created", "expires")
    autocomplete_fields = ()
    raw_id_fields = ("user",)
    actions = ("rotate", "revoke")

    @admin.display(description="expires", empty_value="never")
    def expires(self, token: Any) -> datetime | None:
        return models.expires_at(token.created) if token.created else None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self.log_event(events.TOKEN_ISSUED, obj, request)

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        # ?key__startswith=… would reveal a key, one guess at a time.
        return not lookup.startswith(("key", "pk")) and super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        _refuse_popup(request)
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_popup(request)
        return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_popup(request)
        return super().delete_view(request, *args, **kwargs)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        # Django passes action_location from 6.1 on.
        place = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **place)
        # `revoke` does the same without a page that lists what depends on a token: nothing does.
        actions.pop("delete_selected", None)
        return actions

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "user") if obj else self.readonly_fields

    def response_action(self, request: Any, queryset: QuerySet[Any], *args: Any, **options: Any) -> Any:
        # Django selects by primary key, which is the secret. The page names tokens by their user's
        # id, and the ids are translated here, so that no key is ever on a page.
        users = filter(_is_user_id, request.POST.getlist(ACTION_CHECKBOX_NAME))
        keys = queryset.filter(user__in=list(users)).values_list("key", flat=True)
        request.POST = request.POST.copy()
        request.POST.setlist(ACTION_CHECKBOX_NAME, keys)
        return super().response_action(request, queryset, *args, **options)

    @admin.action(description="Rotate: the owner gets the new token at the next login", permissions=["change"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._apply(request, queryset, models.rotate, "rotated", events.TOKEN_ROTATED)

    @admin.action(description="Revoke", permissions=["delete"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._apply(request, queryset, models.revoke, "revoked", events.TOKEN_REVOKED)

    def _apply(
        self, request: HttpRequest, queryset: QuerySet[Any], step: Callable[[str], object], done: str, event: str
    ) -> None:
        with transaction.atomic():
            revocation.lock_users(queryset.values("user"))
            tokens = [token for token in queryset if step(token.key)]
            for token in tokens:
                self.log_change(request, token, f"{done} (admin action)")
                self.log_event(event, token, request)
        self.message_user(request, f"{len(tokens)} {done}.", messages.SUCCESS)


class _IssueForm(forms.ModelForm):  # type: ignore[type-arg]
    """Issue a token to a user, or show why it was refused."""

    def clean(self) -> Any:
        # Issued here and not on saving, since only here a refusal can be an error of the form. No
        # later check can refuse.
        cleaned = super().clean()
        if cleaned is None or self.errors:
            return cleaned
        try:
            token = hashed.obtain(cleaned["user"], cleaned["label"], cleaned["scope"])
        except hashed.TokenLimitError as error:
            raise ValidationError(str(error)) from None
        if token is None:
            raise ValidationError({"user": "This user is disabled."})
        self.instance = token
        return cleaned


@admin.register(models.HashedToken)
class HashedTokenAdmin(_LogsEventsMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Issue, view and delete hashed tokens.

    A token is shown once, on the page that answers its issue.
    """

    service = hashed
    form = _IssueForm
    list_display = ("id", "user", "label", "scope", "last_four", "created", "last_used", "expires")
    list_filter = ("scope",)
    list_select_related = ("user",)
    search_fields = ("=last_four", "label", f"user__{get_user_model().USERNAME_FIELD}")
    ordering = ("-created",)
    autocomplete_fields = ()
    raw_id_fields = ("user",)
    readonly_fields = ("last_four", "created", "last_used", "expires")

    @admin.display(description="expires", empty_value="never")
    def expires(self, token: Any) -> datetime | None:
        return token.expires

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("user", "label", "scope", *(self.readonly_fields if obj else ()))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Log that the token was issued; the form has saved it."""
        self.log_event(events.TOKEN_ISSUED, obj, request)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        # No message of Django's, which would wait in a cookie or in the session's row.
        context = {**self.admin_site.each_context(request), "title": "Token issued", "token": obj}
        return TemplateResponse(request, "admin/tokens/hashedtoken/issued.html", context)


def _refuse_popup(request: HttpRequest) -> None:
    """Raise PermissionDenied for a pop-up, which hands the key to the page that opened it.

    No form needs one, since nothing refers to a token.
    """
    for name in (IS_POPUP_VAR, TO_FIELD_VAR):
        if name in request.GET or name in request.POST:
            raise PermissionDenied("Tokens are not chosen in a pop-up.")


def _is_user_id(text: str) -> bool:
    try:
        get_user_model()._meta.pk.clean(text, None)
    except ValidationError:
        return False
    return True

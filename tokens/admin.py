from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.template.response import TemplateResponse
from rest_framework.authtoken.admin import (
    TokenAdmin,
)  # importing it registers TokenProxy, which is taken back
from rest_framework.authtoken.models import TokenProxy

from auth_core import events, revocation
from tokens import hashed, models

admin.site.unregister(TokenProxy)


class _Tells(revocation.LogsRevocationMixin):
    def log_revocation(self, request, token):
        self._tell(events.TOKEN_REVOKED, token, request)

    def _tell(self, event, token, request):
        self.life.log_event(event, token, reason=revocation.ADMIN, request=request)


@admin.register(models.OpaqueToken)
class OpaqueTokenAdmin(_Tells, TokenAdmin):
    """DRF's admin without the key: not on a page, not in a URL, not in django_admin_log."""

    life = models
    list_display = ("prefix", "user", "created", "expires")
    list_select_related = ("user",)
    fields = ("user", "prefix", "created", "expires")
    readonly_fields = ("prefix", "created", "expires")
    autocomplete_fields = ("user",)
    actions = ("rotate", "revoke")

    @admin.display(description="expires", empty_value="never")
    def expires(self, token):
        return models.expires_at(token.created) if token.created else None

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if not change:
            self._tell(events.TOKEN_ISSUED, obj, request)

    def lookup_allowed(self, lookup, value, request=None):
        # ?key__startswith=… would spell a key out, one guess at a time.
        return not lookup.startswith(("key", "pk")) and super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request, extra_context=None):
        _refuse_popup(request)
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request, *args, **kwargs):
        _refuse_popup(request)
        return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request, *args, **kwargs):
        _refuse_popup(request)
        return super().delete_view(request, *args, **kwargs)

    def get_actions(self, request):
        actions = super().get_actions(request)
        # `revoke` is the same, without listing on its page what depends on a token: nothing does.
        actions.pop("delete_selected", None)
        return actions

    def get_readonly_fields(self, request, obj=None):
        return (*self.readonly_fields, "user") if obj else self.readonly_fields

    def response_action(self, request, queryset):
        # The page names tokens by their user's id, Django selects by primary key, which is the secret:
        # translated here, on the way in, so that it never was on the page.
        users = filter(_is_user_id, request.POST.getlist(ACTION_CHECKBOX_NAME))
        keys = queryset.filter(user__in=list(users)).values_list("key", flat=True)
        request.POST = request.POST.copy()
        request.POST.setlist(ACTION_CHECKBOX_NAME, keys)
        return super().response_action(request, queryset)

    @admin.action(description="Rotate: the owner gets the new token at the next login", permissions=["change"])
    def rotate(self, request, queryset):
        self._apply(request, queryset, models.rotate, "rotated", events.TOKEN_ROTATED)

    @admin.action(description="Revoke", permissions=["delete"])
    def revoke(self, request, queryset):
        self._apply(request, queryset, models.revoke, "revoked", events.TOKEN_REVOKED)

    def _apply(self, request, queryset, step, done, event):
        with transaction.atomic():
            revocation.lock_users(queryset.values("user"))
            tokens = [token for token in queryset if step(token.key)]
            for token in tokens:
                self.log_change(request, token, f"{done} (admin action)")
                self._tell(event, token, request)
        self.message_user(request, f"{len(tokens)} {done}.", messages.SUCCESS)


class _IssueForm(forms.ModelForm):
    def clean(self):
        # Issued here and not on saving, since only here a refusal can be an error of the form. Nothing is checked
        # after it that could still refuse.
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            token = hashed.obtain(cleaned["user"], cleaned["label"])
        except hashed.TokenLimitError as error:
            raise ValidationError(str(error)) from None
        if token is None:
            raise ValidationError({"user": "This user is disabled."})
        self.instance = token
        return cleaned


@admin.register(models.HashedToken)
class HashedTokenAdmin(_Tells, admin.ModelAdmin):
    """Hashed tokens: to issue, to look at and to delete. A token is shown once, on the page that answers its issue."""

    life = hashed
    form = _IssueForm
    list_display = ("id", "user", "label", "last_four", "created", "last_used", "expires")
    list_select_related = ("user",)
    search_fields = ("=last_four", "label", "user__username")
    ordering = ("-created",)
    autocomplete_fields = ("user",)
    readonly_fields = ("last_four", "created", "last_used", "expires")

    @admin.display(description="expires", empty_value="never")
    def expires(self, token):
        return token.expires

    def get_fields(self, request, obj=None):
        return ("user", "label", *(self.readonly_fields if obj else ()))

    def has_change_permission(self, request, obj=None):
        return False

    def lookup_allowed(self, lookup, value, request=None):
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)

    def save_model(self, request, obj, form, change):
        """Log that the token was issued; the form has saved it."""
        self._tell(events.TOKEN_ISSUED, obj, request)

    def response_add(self, request, obj, post_url_continue=None):
        # Not by a message: that waits in a cookie or in the session's row.
        context = {**self.admin_site.each_context(request), "title": "Token issued", "token": obj}
        return TemplateResponse(request, "admin/tokens/hashedtoken/issued.html", context)


def _refuse_popup(request):
    """A pop-up hands the primary key to the page that opened it, and that is the secret. Nothing refers to a token."""
    for name in (IS_POPUP_VAR, TO_FIELD_VAR):
        if name in request.GET or name in request.POST:
            raise PermissionDenied("Tokens are not chosen in a pop-up.")


def _is_user_id(text: str) -> bool:
    try:
        get_user_model()._meta.pk.clean(text, None)
    except ValidationError:
        return False
    return True

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from rest_framework.authtoken.admin import (
    TokenAdmin,
)  # importing it registers TokenProxy, which is taken back
from rest_framework.authtoken.models import TokenProxy

from tokens import models

admin.site.unregister(TokenProxy)


@admin.register(models.OpaqueToken)
class OpaqueTokenAdmin(TokenAdmin):
    """DRF's admin without the key: not on a page, not in a URL, not in django_admin_log."""

    list_display = ("prefix", "user", "created", "expires")
    list_select_related = ("user",)
    fields = ("user", "prefix", "created", "expires")
    readonly_fields = ("prefix", "created", "expires")
    autocomplete_fields = ("user",)
    actions = ("rotate", "revoke")

    @admin.display(description="expires", empty_value="never")
    def expires(self, token):
        return models.expires_at(token.created) if token.created else None

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
        self._apply(request, queryset, models.rotate, "rotated")

    @admin.action(description="Revoke", permissions=["delete"])
    def revoke(self, request, queryset):
        self._apply(request, queryset, models.revoke, "revoked")

    def _apply(self, request, queryset, step, done):
        tokens = [token for token in queryset if step(token.key)]
        for token in tokens:
            self.log_change(request, token, f"{done} (admin action)")
        self.message_user(request, f"{len(tokens)} {done}.", messages.SUCCESS)


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

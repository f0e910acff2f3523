"""The admin's page of logins."""

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from auth_core import events, revocation
from jwt_auth import models

if apps.is_installed("rest_framework_simplejwt.token_blacklist"):  # if not, a check says so
    # Importing it registers its pages, which show raw refresh tokens of the stock rows, ready to
    # replay.
    from rest_framework_simplejwt.token_blacklist import admin as stock

    admin.site.unregister([stock.OutstandingToken, stock.BlacklistedToken])  # type: ignore[attr-defined]


@admin.register(models.RefreshFamily)
class RefreshFamilyAdmin(revocation.LogsRevocationMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """View and end logins. Nobody creates one by hand."""

    list_display = ("id", "user", "label", "created_at", "rotated_at", "refresh_expires_at", "revoked_at", "reason")
    list_filter = ("reason", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "label", f"user__{get_user_model().USERNAME_FIELD}")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("user", "label", "created_at", "rotated_at", "refresh_expires_at", "expires_at", "revoked_at", "reason")
    readonly_fields = fields
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="End these logins", permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[models.RefreshFamily]) -> None:
        with transaction.atomic():
            revocation.lock_users(queryset.values("user"))
            families = [family for family in queryset if models.end(revocation.ADMIN, pk=family.pk)]
            for family in families:
                self.log_change(request, family, "ended (admin action)")
                self._log_end(request, family)
        self.message_user(request, f"{len(families)} ended.", messages.SUCCESS)

    def log_revocation(self, request: HttpRequest, obj: Any) -> None:
        if obj.revoked_at is None:
            self._log_end(request, obj)

    @staticmethod
    def _log_end(request: HttpRequest, family: models.RefreshFamily) -> None:
        models.log_event(events.LOGIN_ENDED, family, reason=revocation.ADMIN, request=request)

from django.contrib import admin, messages
from rest_framework_simplejwt.token_blacklist import admin as stock  # noqa: F401 - importing it registers its models
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from config import accounts
from jwt_auth import models

# SimpleJWT's pages show raw refresh tokens of the stock rows, ready to replay.
admin.site.unregister([OutstandingToken, BlacklistedToken])


@admin.register(models.RefreshFamily)
class RefreshFamilyAdmin(admin.ModelAdmin):
    """Logins: to look at and to end. Nobody writes one by hand."""

    list_display = ("id", "user", "created_at", "rotated_at", "refresh_expires_at", "revoked_at", "reason")
    list_filter = ("reason", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "user__username")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("user", "created_at", "rotated_at", "refresh_expires_at", "expires_at", "revoked_at", "reason")
    readonly_fields = fields
    actions = ("end",)

    def has_add_permission(self, request):
        return False

    @admin.action(description="End these logins", permissions=["change"])
    def end(self, request, queryset):
        families = [family for family in queryset if models.end(accounts.ADMIN, pk=family.pk)]
        for family in families:
            self.log_change(request, family, "ended (admin action)")
        self.message_user(request, f"{len(families)} ended.", messages.SUCCESS)

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin

from config import accounts

admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class AccountAdmin(UserAdmin):
    actions = ("log_out_everywhere",)

    def lookup_allowed(self, lookup, value, request=None):
        # ?auth_token__key__startswith=… would spell a key out, one guess at a time.
        return not lookup.startswith("auth_token") and super().lookup_allowed(lookup, value, request)

    @admin.action(description="Log out everywhere", permissions=["change"])
    def log_out_everywhere(self, request, queryset):
        users = list(queryset)
        for user in users:
            accounts.end_credentials(user.pk, accounts.ADMIN)
            self.log_change(request, user, "logged out everywhere (admin action)")
        self.message_user(request, f"{len(users)} logged out everywhere.", messages.SUCCESS)

import re

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin

from auth_core import revocation, usernames

_KEY = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{32}\b")  # a key of DRF's tokens


class LoginForm(AdminAuthenticationForm):
    """The admin's login form, which refuses a name that no account can have.

    Django's own form would look that name up and hash the password.
    """

    def clean(self):
        name = self.cleaned_data.get("username")
        if name is not None and usernames.normal(name) is None:
            usernames.log_failure(self.request)
            raise self.get_invalid_login_error()
        return super().clean()


admin.site.login_form = LoginForm
admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class AccountAdmin(UserAdmin):
    """The admin of users, which logs users out and hides the keys of their tokens."""

    actions = ("log_out_everywhere",)

    def lookup_allowed(self, lookup, value, request=None):
        # ?auth_token__key__startswith=… would reveal a key, one character at a time.
        return not lookup.startswith("auth_token") and super().lookup_allowed(lookup, value, request)

    def get_deleted_objects(self, objs, request):
        """Return what is deleted with a user. Hide the keys that DRF's tokens have as names."""
        to_delete, *others = super().get_deleted_objects(objs, request)
        return _without_keys(to_delete), *others

    @admin.action(description="Log out everywhere", permissions=["change"])
    def log_out_everywhere(self, request, queryset):
        users = list(queryset.order_by("pk"))  # the order in which other code locks users
        for user in users:
            revocation.revoke_all_credentials(user.pk, revocation.ADMIN, request=request)
            self.log_change(request, user, "logged out everywhere (admin action)")
        self.message_user(request, f"{len(users)} logged out everywhere.", messages.SUCCESS)


def _without_keys(listed):
    """Return nested lists of texts with the keys in them shortened."""
    if isinstance(listed, list):
        return [_without_keys(each) for each in listed]
    return _KEY.sub(r"\1…", listed) if _KEY.search(listed) else listed  # unchanged, it may be safe HTML

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission


def user_pk(user):
    """Return the primary key of the request's user as the database stores it.

    Return None if it cannot be a key. A stateless token's user is not read from the database: its
    pk is a claim, which may name a deleted user or none. str() keeps a claim of 1.5 or true from
    naming user 1.
    """
    field = get_user_model()._meta.pk
    try:
        key = field.to_python(str(user.pk))
        field.run_validators(key)  # a query for a number that the column cannot hold would fail
        return key
    except ValidationError:
        return None


class IsOwnerOrStaff(BasePermission):
    """Permission for anybody to read a track, and for its owner and staff to change it."""

    def has_object_permission(self, request, view, track):
        # `is True`, because a stateless user's is_staff is a claim of any type, such as "false".
        if request.method in SAFE_METHODS or request.user.is_staff is True:
            return True
        if track.owner_id is None:
            self.message = "This track belongs to the catalogue: only staff may change or delete it."
            return False
        self.message = "Only its owner or staff may change or delete this track."
        return track.owner_id == user_pk(request.user)

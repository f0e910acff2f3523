from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission


def user_pk(user):
    """The primary key of whoever asks, as the database has it, or None when it can be no key.

    A stateless token's user is no row of ours: its pk is a claim, a string that may name a user deleted
    since, or no user at all. Through str(), so that a claim of 1.5 or true is not taken for user 1.
    """
    field = get_user_model()._meta.pk
    try:
        key = field.to_python(str(user.pk))
        field.run_validators(key)  # a number that the column cannot hold cannot be asked for either
        return key
    except ValidationError:
        return None


class IsOwnerOrStaff(BasePermission):
    """Anybody may read a track; its owner and staff may change it; a catalogue track has no owner."""

    def has_object_permission(self, request, view, track):
        # `is True`: a stateless user's is_staff is a claim of any type, and "false" must not open the door.
        if request.method in SAFE_METHODS or request.user.is_staff is True:
            return True
        if track.owner_id is None:
            self.message = "This track belongs to the catalogue: only staff may change or delete it."
            return False
        self.message = "Only its owner or staff may change or delete this track."
        return track.owner_id == user_pk(request.user)

"""Requests of a JWT login, the claims of its tokens, and the clock that decides about them."""

from datetime import UTC, datetime, timedelta

import jwt as pyjwt
import time_machine
from django.contrib.auth import get_user_model

from jwt_auth.models import RefreshFamily

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(**later):
    return time_machine.travel(NOON + timedelta(**later), tick=False)


def whoami(api, access):
    return api.get("/whoami/", headers={"Authorization": f"Bearer {access}"})


def refresh(api, pair):
    return api.post("/api/token/refresh/", {"refresh": pair["refresh"]})


def verify(api, token):
    return api.post("/api/token/verify/", {"token": token})


def claims(token):
    return pyjwt.decode(token, options={"verify_signature": False})


User = get_user_model()


def reason():
    return RefreshFamily.objects.get().reason

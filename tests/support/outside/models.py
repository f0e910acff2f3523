"""The model of `ticket`."""

from django.conf import settings
from django.db import models


class Ticket(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.CharField(max_length=64, unique=True)

    class Meta:
        app_label = "outside"

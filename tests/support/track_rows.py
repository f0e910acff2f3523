"""Tracks, and who owns them."""

from django.urls import reverse
from rest_framework.test import APIClient


def client(user=None):
    api = APIClient()
    api.force_authenticate(user)
    return api


def url(track):
    return reverse("track-detail", args=[track.pk])


LIST = "/tracks/"

"""The endpoint of the row `drf-token`: DRF's own view, untouched."""

from django.urls import path
from rest_framework.authtoken.views import obtain_auth_token

urlpatterns = [path("api-token-auth/", obtain_auth_token, name="token-obtain")]

"""SimpleJWT's own views, at the paths of its documentation."""

from django.apps import apps
from django.urls import path
from rest_framework_simplejwt.views import TokenBlacklistView, TokenObtainPairView, TokenRefreshView

urlpatterns = [
    path("", TokenObtainPairView.as_view()),
    path("refresh/", TokenRefreshView.as_view()),
    *(
        [path("blacklist/", TokenBlacklistView.as_view())]
        if apps.is_installed("rest_framework_simplejwt.token_blacklist")
        else []
    ),
]

"""The endpoints of the rows `simplejwt` and `simplejwt-stateless`: SimpleJWT's own views."""

from django.urls import path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView, TokenVerifyView

urlpatterns = [
    path("api/token/", TokenObtainPairView.as_view(), name="jwt-obtain"),
    path("api/token/refresh/", TokenRefreshView.as_view(), name="jwt-refresh"),
    path("api/token/verify/", TokenVerifyView.as_view(), name="jwt-verify"),
]

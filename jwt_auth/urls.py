from django.urls import path

from jwt_auth.views import (
    JWKSView,
    LogoutView,
    ObtainPairView,
    RefreshView,
    SessionListView,
    SessionView,
    VerifyView,
)

urlpatterns = [
    path("api/token/", ObtainPairView.as_view(), name="jwt-obtain"),
    path("api/token/refresh/", RefreshView.as_view(), name="jwt-refresh"),
    path("api/token/verify/", VerifyView.as_view(), name="jwt-verify"),
    path("api/token/logout/", LogoutView.as_view(), name="jwt-logout"),
    path("api/token/sessions/", SessionListView.as_view(), name="jwt-sessions"),
    path("api/token/sessions/<uuid:pk>/", SessionView.as_view(), name="jwt-session"),
    path(".well-known/jwks.json", JWKSView.as_view(), name="jwks"),
]

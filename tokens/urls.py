from django.urls import path

from tokens.views import ObtainTokenView, RevokeTokenView, RotateTokenView

urlpatterns = [
    path("api-token-auth/", ObtainTokenView.as_view(), name="token-obtain"),
    path("api-token-auth/new/", RotateTokenView.as_view(), name="token-rotate"),
    path("api-token-auth/revoke/", RevokeTokenView.as_view(), name="token-revoke"),
]

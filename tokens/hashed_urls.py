from django.urls import path

from tokens import hashed_views as views

urlpatterns = [
    path("api-token-auth/", views.ObtainHashedTokenView.as_view(), name="token-obtain"),
    path("api-token-auth/new/", views.RotateHashedTokenView.as_view(), name="token-rotate"),
    path("api-token-auth/revoke/", views.RevokeHashedTokenView.as_view(), name="token-revoke"),
    path("api-token-auth/tokens/", views.TokenListView.as_view(), name="token-list"),
    path("api-token-auth/tokens/<int:pk>/", views.TokenView.as_view(), name="token-detail"),
]

"""knox's own views. Its documentation lets the login take the password by HTTP Basic."""

from django.urls import path
from knox.views import LoginView, LogoutView
from rest_framework.authentication import BasicAuthentication

urlpatterns = [
    path("login/", LoginView.as_view(authentication_classes=[BasicAuthentication])),
    path("logout/", LogoutView.as_view()),
]

"""Clients of the project's URLs, in this process."""

from dataclasses import dataclass

from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from config.schemes import Scheme


def new_client() -> APIClient:
    return APIClient(raise_request_exception=False)


@dataclass
class Door:
    """One row of the scheme table, and a client of the URLs that only this row opens."""

    scheme: Scheme
    client: APIClient

    def credential(self, user) -> str:
        return import_string(self.scheme.issue)(user)

    def get(self, path: str, credential: str | None = None, keyword: str | None = None):
        headers = {}
        if credential is not None:
            headers["Authorization"] = f"{keyword or self.scheme.keyword} {credential}"
        return self.client.get(path, headers=headers)

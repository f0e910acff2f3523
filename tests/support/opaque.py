"""Requests of a holder of an opaque token."""


def whoami(api, key):
    return api.get("/whoami/", headers={"Authorization": f"Token {key}"})


def rotate(api, key):
    return api.post("/api-token-auth/new/", headers={"Authorization": f"Token {key}"})

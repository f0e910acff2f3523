"""Functions that issue no credential."""


def fail(user):
    raise LookupError("no credential, on purpose")


def number(user):
    return 17

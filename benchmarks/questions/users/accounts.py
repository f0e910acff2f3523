"""A worker process that adds users with a password to the scratch database.

`python -m benchmarks.questions.users.accounts COUNT`, see worker.serve.
"""

import sys

from benchmarks.processes.worker import serve

PREFIX, PASSWORD = "load-", "correct horse battery staple"


def make(count: int) -> dict:
    """Add load-0, load-1, …, all with one password."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import make_password

    users, password = get_user_model(), make_password(PASSWORD)
    users.objects.bulk_create(users(username=f"{PREFIX}{number}", password=password) for number in range(count))
    return {"accounts": count}


def main(count: int):
    """Answer with the number of accounts."""
    serve(lambda done: make(count))


if __name__ == "__main__":
    main(int(sys.argv[1]))

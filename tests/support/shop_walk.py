"""What people do in the shop of tests/support/shop.py; it runs in the shop's own process.

`begin` is called before the shop adopts our folders, `walk` after. Each step of `walk` prints what
was done and how the shop answered.
"""

import base64
import json
import re
import sys
from collections.abc import Callable
from io import StringIO
from itertools import groupby

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

PASSWORD, NEW = "correct horse battery", "another horse battery"
NAMES = ("ada", "bob", "cy", "dan", "eve")


def email(name: str) -> str:
    return f"{name}@shop.example"


def user(name: str):
    return get_user_model().objects.get(email=email(name))


class Person:
    """A client with an address of its own, so that the limit on another's attempts is not its."""

    made = 0

    def __init__(self):
        Person.made += 1
        self.client = Client(headers={"host": "localhost"}, REMOTE_ADDR=f"203.0.113.{Person.made}")

    def post(self, path: str, credential: str = "", **body: object):
        headers = {"authorization": credential} if credential else {}
        return self.client.post(path, body, "application/json", headers=headers)

    def orders(self, credential: str):
        return self.client.get("/orders/", headers={"authorization": credential})


class Hashed:
    """A login with `token-hashed`."""

    name, path, admin, victim = "token-hashed", "/api-token-auth/", "tokens_hashedtoken", "bob"

    @staticmethod
    def credential(answer: dict) -> str:
        return f"Token {answer['token']}"

    @staticmethod
    def log_out(person: Person, answer: dict):
        return person.post("/api-token-auth/revoke/", Hashed.credential(answer))

    @staticmethod
    def by_itself(held: dict):
        """Log in as DRF's clients do, for a token that may only read, and rotate a moved key."""
        login = {"username": email("ada"), "password": PASSWORD, "scope": "read"}
        reader = Hashed.credential(Person().post(Hashed.path, **login).json())
        say(
            "a token that may only read reads and writes",
            *statuses(reader),
            Person().post("/orders/", reader).status_code,
        )
        key = f"Token {held['tokens'][0]}"
        rotated = Person().post("/api-token-auth/new/", key).json()
        say("a rotated key and its successor", *statuses(key, Hashed.credential(rotated)))
        issued = StringIO()
        call_command("issue_token", email("ada"), label="nightly job", stdout=issued)
        say("a token issued by the command", *statuses(f"Token {issued.getvalue().strip()}"))


class Pair:
    """A login with `jwt`."""

    name, path, admin, victim = "jwt", "/api/token/", "jwt_auth_refreshfamily", "cy"

    @staticmethod
    def credential(answer: dict) -> str:
        return f"Bearer {answer['access']}"

    @staticmethod
    def log_out(person: Person, answer: dict):
        return person.post("/api/token/logout/", refresh=answer["refresh"])

    @staticmethod
    def by_itself(held: dict):
        """Go on with SimpleJWT's tokens, then refresh twice and send the first token again."""
        say("SimpleJWT's five access tokens", *statuses(*map(Pair.credential, held["pairs"])))
        moved = [Person().post("/api/token/refresh/", refresh=held["pairs"][0]["refresh"]) for _ in range(2)]
        same = moved[0].json()["refresh"] == moved[1].json()["refresh"]
        say(
            "a refresh token of SimpleJWT's, sent twice",
            f"{moved[0].status_code} {moved[1].status_code}, the same successor: {same}, which works:",
            *statuses(Pair.credential(moved[1].json())),
        )
        person = Person()
        first = log_in(Pair, person, "ada").json()
        claims = json.loads(base64.urlsafe_b64decode(first["access"].split(".")[1] + "=="))
        lifetime = claims["exp"] - claims["iat"]
        say("claims", {"iss": claims["iss"], "uid": claims["uid"] == str(user("ada").pk), "lifetime": lifetime})
        keywords = ("JWT", "Bearer", "Other")
        say(f"the keywords {', '.join(keywords)}", *statuses(*[f"{word} {first['access']}" for word in keywords]))
        second = person.post("/api/token/refresh/", refresh=first["refresh"])
        third = person.post("/api/token/refresh/", refresh=second.json()["refresh"])
        say("two refreshes", second.status_code, third.status_code)
        reused = person.post("/api/token/refresh/", refresh=first["refresh"]).status_code
        access = statuses(Pair.credential(third.json()))
        say("the first refresh token again", f"{reused}, the login's access token:", *access)
        call_command("flush_refresh_families")


KINDS = {kind.name: kind for kind in (Hashed, Pair)}


def say(step: str, *answers: object):
    print(f"{step}:", *answers, flush=True)


def statuses(*credentials: str) -> list[int]:
    return [Person().orders(credential).status_code for credential in credentials]


def log_in(kind, person: Person, name: str, password: str = PASSWORD):
    return person.post(kind.path, email=email(name), password=password)


def begin():
    """Migrate, make five users with a token of DRF's each, and print what their clients hold."""
    call_command("makemigrations", "accounts", verbosity=0)
    call_command("migrate", verbosity=0)
    held = {"tokens": [], "pairs": []}
    for name in NAMES:
        get_user_model().objects.create_user(email(name), PASSWORD)
        held["pairs"].append(log_in(Pair, Person(), name).json())
        token = Person().post(Hashed.path, username=email(name), password=PASSWORD).json()["token"]
        held["tokens"].append(token)
    print(json.dumps(held))


def walk(kinds: list, held: dict):
    """Live with these kinds; `held` is what `begin` printed."""
    call_command("makemigrations", check_changes=True, dry_run=True, stdout=sys.stderr)
    get_user_model().objects.create_user(email("boss"), PASSWORD, is_staff=True, is_superuser=True)
    if Hashed in kinds:
        say("DRF's five keys", *statuses(*[f"Token {key}" for key in held["tokens"]]))
    for kind in kinds:
        passwords(kind)
        kind.by_itself(held)
        revoke_in_the_admin(kind)
    ends(kinds, "logout", log_out)
    ends(kinds, "password change", change_password)
    ends(kinds, "deactivation", deactivate)


def passwords(kind):
    """Log in, then guess until the address is limited, and the name too."""
    answer = log_in(kind, Person(), "ada")
    say(f"{kind.name}: a login", answer.status_code, Person().orders(kind.credential(answer.json())).json())
    guesser = Person()
    guesses = [log_in(kind, guesser, kind.victim, "wrong").status_code for _ in range(11)]
    (first, many), (then, _) = ((status, len(list(run))) for status, run in groupby(guesses))
    elsewhere, another = (log_in(kind, Person(), name).status_code for name in (kind.victim, "eve"))
    say(f"{kind.name}: wrong passwords", f"{first} x{many}, then {then}; by name {elsewhere}, another user {another}")


def revoke_in_the_admin(kind):
    """Log in to the admin, find eve's credential by her address, and delete it."""
    boss = Person().client
    boss.post("/admin/login/", {"username": email("boss"), "password": PASSWORD})
    credential = kind.credential(log_in(kind, Person(), "eve").json())
    before = statuses(credential)
    page = reverse(f"admin:{kind.admin}_changelist")
    everything, found = boss.get(page).text, boss.get(page, {"q": "eve@shop"}).text
    owners = set(re.findall(r"\w+@shop\.example", found)) - {email("boss")}
    chosen = owners == {email("eve")} and email("ada") in everything
    rows = re.findall(r'name="_selected_action" value="(.*?)"', found)
    done = boss.post(page, {"action": "delete_selected", "_selected_action": rows, "post": "yes"}).status_code
    say(
        f"{kind.name}: the admin finds it by e-mail and deletes it",
        f"{chosen} {done}, before and after:",
        *before,
        *statuses(credential),
    )


def ends(kinds: list, what: str, end: Callable):
    """Log dan in with each kind, let `end` happen, and say whether each credential works."""
    answers = [(kind, log_in(kind, Person(), "dan").json()) for kind in kinds]
    credentials = [kind.credential(answer) for kind, answer in answers]
    before = " ".join(map(str, statuses(*credentials)))
    end(answers)
    say(f"before and after a {what}", f"{before},", *statuses(*credentials))


def log_out(answers: list):
    for kind, answer in answers:
        kind.log_out(Person(), answer)


def change_password(answers: list):
    dan = user("dan")
    for password in (NEW, PASSWORD):
        dan.set_password(password)
        dan.save()


def deactivate(answers: list):
    dan = user("dan")
    dan.is_active = False
    dan.save()


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:]:
        walk([KINDS[name] for name in sys.argv[1].split()], json.loads(sys.argv[2]))
    else:
        begin()

"""A repository of somebody's own authentication class, as the how-to describes it."""

import subprocess
from pathlib import Path

from tests.support.transcripts import blocks, page

SCHEME = "shop.cost:SCHEME"
COST = blocks("python", page("docs/how-to/time-your-class-in-ci.md"))[0]
AUTH = """
from time import perf_counter_ns

from django.contrib.auth import get_user_model
from django.core import signing
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

DELAY_NS = 0


class SignedAuthentication(BaseAuthentication):
    def authenticate(self, request):
        keyword, _, text = request.headers.get("Authorization", "").partition(" ")
        if keyword != "Signed":
            return None
        end = perf_counter_ns() + DELAY_NS
        while perf_counter_ns() < end:
            pass
        try:
            return get_user_model().objects.get(pk=signing.loads(text, salt="shop")), text
        except signing.BadSignature:
            raise AuthenticationFailed from None

    def authenticate_header(self, request):
        return "Signed"
"""
# What a head can be: the name of a file -> its text; None: the file is deleted.
Files = dict[str, str | None]
HONEST: Files = {".gitignore": "__pycache__/\n", "shop/__init__.py": "", "shop/auth.py": AUTH, "shop/cost.py": COST}
SLOWER: Files = {"shop/auth.py": AUTH.replace("DELAY_NS = 0", "DELAY_NS = 20_000")}
ASKING: Files = {
    "shop/auth.py": AUTH.replace("        try:\n", "        get_user_model().objects.count()\n        try:\n")
}
ENDING: Files = {"shop/auth.py": AUTH.replace("        try:\n", "        __import__('os')._exit(9)\n        try:\n")}
ELSEWHERE: Files = {
    "shop/cost.py": COST.replace("shop.auth.Signed", "rest_framework.authentication.Token")
    .replace("shop.cost.issue", "tokens.issue.drf_token")
    .replace("Signed", "Token")
}
OPEN: Files = {"shop/auth.py": AUTH.replace("raise AuthenticationFailed from None", "return get_user_model()(), text")}
GROWING: Files = {
    "shop/auth.py": AUTH.replace(
        "        try:\n",
        "        self.requests.append(1)\n"
        "        for _ in self.requests[::20]:\n"
        "            get_user_model().objects.count()\n"
        "        try:\n",
    ).replace("(BaseAuthentication):\n", "(BaseAuthentication):\n    requests = []\n\n")
}
BROKEN: Files = {"shop/auth.py": f"import no_such_module\n{AUTH}"}


class Shop:
    """A repository in `folder`."""

    def __init__(self, folder: Path, *commits: Files):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet")
        for files in commits:
            self.commit(files)

    def git(self, *arguments: str) -> str:
        names = ("user.name=ada", "user.email=ada@example.org", "commit.gpgsign=false")
        command = ["git", *(word for name in names for word in ("-c", name)), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, files: Files):
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")

    def commit(self, files: Files):
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "version")

"""What `versus --of` compares: a package of somebody's repository, at a revision and now.

The repository at the revision is the base, and its working tree is the head. Each is copied to a
folder of its own, and so is the head once more, which is the A/A control. The service is this
checkout's everywhere. Each place has a database that its own code made.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment
from benchmarks.processes import repositories, start
from benchmarks.processes.repositories import Repository
from benchmarks.processes.revisions import RevisionError
from benchmarks.processes.turns import Place
from benchmarks.questions.versus.run import AFTER, AGAIN, BEFORE, Compared, bodies, differences, fill_one
from benchmarks.results.records.versus import Class, Revision

SIDES = {BEFORE: "base", AFTER: "head", AGAIN: "head's copy"}


def check(contender: str) -> str:
    """Return why `--of` cannot take this contender; empty: it can."""
    module, colon, scheme = contender.partition(":")
    if not (module and colon and scheme):
        return f"--contender {contender}: name a package.module:SCHEME of the repository that --of names"
    if repositories.shadowed(module):
        return (
            f"--contender {contender}: the lab has a package {module.partition('.')[0]} itself, which Python would "
            "import; put the scheme into a module of another name"
        )
    return ""


class SideRefusedError(RevisionError):
    """A side that lacks the class, or that is refused; the message names it."""


@contextmanager
def driving(name: str) -> Iterator[None]:
    """Raise SideRefusedError if the class is refused there, RevisionError if a process fails."""
    try:
        yield
    except start.WorkerRefusedError as refusal:
        raise SideRefusedError(f"{SIDES[name]}: {refusal}") from None
    except start.WorkerFailedError as error:
        last = str(error).strip().rpartition("\n")[2]
        raise RevisionError(f"{SIDES[name]}: a process failed, so nothing is compared: {last}") from None


def prepare(
    around: Path, revision: str, folder: Path, databases: Sequence[Database], assignment: Assignment
) -> Compared:
    """Return the class at the revision and in the working tree, in `folder`, ready to be timed.

    A base that lacks the class, or that is refused, is left out. Raises RevisionError, which names
    the side, if the head is refused, or if a process of either fails: that says nothing about the
    class, and a gate must not open because a disk was full.
    """
    repository = Repository.around(around)
    commit, head = repository.commit(revision), repository.commit("HEAD")
    after, before, again = databases
    answers = {}

    def place(name: str, database: Database, imports: Path) -> Place:
        made = Place(database, imports=imports)
        fill_one(name, made, assignment.schemes, driving)
        answers[name] = bodies(name, made, assignment, driving)
        with driving(name):  # what fails or grows only along a run does so here
            start.work(assignment, database, 0, imports=imports)
        return made

    places = {AFTER: place(AFTER, after, repository.copy(folder / AFTER))}
    no_base = ""
    try:
        places[BEFORE] = place(BEFORE, before, repository.lay_out(commit, folder / BEFORE))
    except SideRefusedError as error:
        no_base = str(error)
    places[AGAIN] = place(AGAIN, again, repository.copy(folder / AGAIN))
    unlike = differences(answers.get(BEFORE, answers[AFTER]), answers[AFTER])
    (scheme,) = assignment.schemes
    return Compared(places, Revision(revision, commit), unlike, Class(scheme, head, repository.is_changed(), no_base))

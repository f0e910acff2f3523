"""A Candidate in a module that imports a model, which is too late for what it needs."""

from tests.support.outside.candidates import TICKET as LATE
from tests.support.outside.models import Ticket

__all__ = ["LATE", "Ticket"]

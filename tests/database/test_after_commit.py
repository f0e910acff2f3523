"""What is done after a commit: its error is logged, and what was committed stays."""

import pytest
from django.db import transaction

from auth_core.transactions import after_commit


class Failing:
    def announce(self, *arguments, **fields):
        raise ZeroDivisionError(arguments, fields)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_inside", [True, False])
def test_an_error_is_logged_by_the_name_of_the_function(caplog, is_inside):
    if is_inside:
        with transaction.atomic():
            after_commit(Failing().announce, 1, using="default", field=2)
            assert not caplog.records
    else:
        after_commit(Failing().announce, 1, using="default", field=2)
    (record,) = caplog.records
    assert "Failing.announce" in record.getMessage()
    assert record.exc_info[1].args == ((1,), {"field": 2})


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_after_a_rollback():
    done = []
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        after_commit(done.append, 1, using="default")
        raise ZeroDivisionError
    assert not done

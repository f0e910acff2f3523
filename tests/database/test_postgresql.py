"""The backend for PostgreSQL while the database is there. test_database_away.py has the rest."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="tests PostgreSQL's backend"),
]

MORE = 2**16  # a statement allows fewer parameters


def test_more_rows_can_be_inserted_and_found_at_once_than_a_statement_has_parameters(django_assert_num_queries):
    with django_assert_num_queries(2):
        Group.objects.bulk_create(Group(name=str(number)) for number in range(MORE))
    keys = list(Group.objects.values_list("pk", flat=True))
    with django_assert_num_queries(2):
        assert len(Group.objects.in_bulk(keys)) == MORE


def test_the_stock_pairs_expired_tokens_are_cleaned_up_however_many_there_are():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO token_blacklist_outstandingtoken (jti, token, expires_at) "
            "SELECT n, n, %s FROM generate_series(1, %s) AS n",
            [timezone.now() - timedelta(days=1), MORE],
        )
    call_command("flushexpiredtokens")
    assert not OutstandingToken.objects.exists()

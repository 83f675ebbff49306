"""``manage.py check_seals`` as the person on duty runs it."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from healthhub.accounts.actors import system_actor
from healthhub.audit.log import record_access
from tests.healthhub.sealing import sealed


def told() -> str:
    out = io.StringIO()
    call_command("check_seals", stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_an_intact_log_says_how_much_is_sealed_and_a_changed_one_fails() -> None:
    assert told() == "0 sealed entries are intact (no seal yet).\n"
    record_access(actor=system_actor("tests"), action="view", patients=["one", "two"], resource_type="Patient")
    seal = sealed()
    assert told() == f"2 sealed entries are intact (seal {seal.pk}, digest {seal.digest}).\n"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_accessentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_accessentry SET actor_name = 'somebody else' WHERE patient = 'two'")
        cursor.execute("ALTER TABLE audit_accessentry ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match=f"1 seals are broken, the first is number {seal.pk} "):
        told()

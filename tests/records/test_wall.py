"""The second wall: what PostgreSQL shows when a query forgets the rule. Every query here forgets it on purpose."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from healthhub.postgresql.wall import NOBODY, Asker, unwalled, walled
from records.access.wall import POLICIES, asker, build_sql
from records.models import Citizen, Consent, Facility, Membership
from records.views.guards import ActingRequest, for_everybody, for_roles
from tests.records.conftest import Write

pytestmark = pytest.mark.django_db
TABLES = sorted(POLICIES)


def people_shown() -> set[str]:
    """All whom a query without any condition finds."""
    return set(Citizen.objects.values_list("pk", flat=True))


def records_shown() -> set[str]:
    """Whose resources, old versions among them, a query without any condition finds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT patient FROM fhir_resource WHERE patient IS NOT NULL "
            "UNION SELECT patient FROM fhir_resourceversion WHERE patient IS NOT NULL"
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture
def hers(clinic: Actor, patient: Write) -> str:
    """Somebody for whom the clinic cares, whose Patient has an old version too."""
    name = patient("Nguyễn Văn Đức", by=clinic)
    store.save({"resourceType": "Patient", "id": name, "birthDate": "1960-03-13"}, actor=clinic)
    return name


@pytest.fixture
def other(stranger: Actor, patient: Write) -> str:
    """Somebody for whom another facility cares."""
    name = patient("Trần Thị Hoa", by=stranger)
    store.save({"resourceType": "Patient", "id": name, "birthDate": "1970-03-13"}, actor=stranger)
    return name


def test_a_facility_is_shown_its_own_people_only(clinic: Actor, hers: str, other: str) -> None:
    assert people_shown() == {hers, other}
    with walled(asker(clinic)):
        assert people_shown() == {hers}
        assert records_shown() == {hers}


def test_whoever_consents_is_shown_until_she_withdraws(clinic: Actor, hers: str, other: str) -> None:
    consent = Consent.objects.create(patient_id=other, facility_id=clinic.facility, granted_at=timezone.now())
    with walled(asker(clinic)):
        assert people_shown() == records_shown() == {hers, other}
    Consent.objects.filter(pk=consent.pk).update(withdrawn_at=timezone.now())
    with walled(asker(clinic)):
        assert people_shown() == records_shown() == {hers}


def test_a_citizen_is_shown_herself_only(hers: str, other: str) -> None:
    with walled(Asker(patient=other)):
        assert people_shown() == records_shown() == {other}


def test_a_record_opened_in_an_emergency_is_shown_and_no_other(clinic: Actor, hers: str, other: str) -> None:
    with walled(Asker(opened=(other,))):
        assert people_shown() == records_shown() == {other}


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR])
def test_who_works_with_lists_of_names_is_shown_names_and_nobodys_record(role: Role, hers: str, other: str) -> None:
    with walled(asker(Actor("user:9", "Ai đó", role))):
        assert people_shown() == {hers, other}
        assert records_shown() == set()


@pytest.mark.parametrize("role", [Role.ANALYST, Role.ADMIN, Role.FACILITY_ADMIN, Role.CLINICIAN])
def test_without_a_relation_nobody_is_shown(role: Role, hers: str, other: str) -> None:
    with walled(asker(Actor("user:9", "Ai đó", role, facility="another"))):
        assert people_shown() == records_shown() == set()


def test_healthhub_itself_has_no_wall_before_it(hers: str, other: str) -> None:
    assert asker(SYSTEM) is None
    with walled(NOBODY):
        assert people_shown() == set()
        with unwalled():
            assert people_shown() == {hers, other}
        assert people_shown() == set()
    assert people_shown() == {hers, other}


def test_it_stands_again_after_a_rollback(hers: str, other: str) -> None:
    with walled(NOBODY):
        with transaction.atomic():
            with unwalled():
                assert people_shown() == {hers, other}
            assert people_shown() == set()
            transaction.set_rollback(True)
        assert people_shown() == set()
    with transaction.atomic():
        with walled(NOBODY):
            assert people_shown() == set()
        transaction.set_rollback(True)
    assert people_shown() == {hers, other}
    with walled(NOBODY):
        with transaction.atomic():
            assert people_shown() == set()
            transaction.set_rollback(True)
        assert people_shown() == set()


def test_it_stands_again_after_an_error_of_the_database(hers: str) -> None:
    with walled(NOBODY):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor, unwalled():
            cursor.execute("SELECT 1 / 0")
        assert people_shown() == set()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert people_shown() == set()
    assert people_shown() == {hers}


def test_rows_fetched_little_by_little_come_from_behind_it(hers: str, other: str) -> None:
    with walled(Asker(patient=other)):
        assert [one.pk for one in Citizen.objects.iterator(chunk_size=1)] == [other]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET {key} = {key}", "TRUNCATE {}"])
def test_nobody_writes_from_behind_it(table: str, sql: str, clinic: Actor, hers: str) -> None:
    key = "patient_id" if table == "records_citizen" else "id"
    refused = pytest.raises(ProgrammingError, match="permission denied")
    with walled(asker(clinic)), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(table, key=key))


@pytest.mark.parametrize("sql", ["DELETE FROM audit_accessentry", "UPDATE audit_accessentry SET actor = ''"])
def test_the_access_log_is_only_written_on(sql: str, clinic: Actor) -> None:
    refused = pytest.raises(ProgrammingError, match="permission denied")
    with walled(asker(clinic)), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_no_partition_is_a_way_round_it(clinic: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid AND c.relkind = 'r' "
            "WHERE has_table_privilege('healthhub_walled', inhrelid, 'SELECT')"
        )
        assert cursor.fetchall() == []


def test_the_policies_in_the_database_are_those_of_the_code() -> None:
    def stand() -> list[tuple[str, ...]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename, policyname, cmd, roles::text, qual FROM pg_policies ORDER BY 1, 2")
            return cursor.fetchall()

    migrated = stand()
    with connection.cursor() as cursor:
        cursor.execute(build_sql())
    assert migrated == stand()
    assert [row[0] for row in migrated] == TABLES


def test_a_page_that_forgets_the_rule_shows_nobody_elses_people(
    rf: RequestFactory, clinic: Actor, hers: str, other: str
) -> None:
    def forgetful(request: HttpRequest) -> HttpResponse:
        return HttpResponse(" ".join(sorted(people_shown())))

    user = User.objects.create_user(email="bs.an@example.org", name="Bác sĩ An")
    Membership.objects.create(user=user, role=Role.CLINICIAN.value, facility=Facility.objects.get(pk=clinic.facility))
    request = rf.get("/")
    vars(request).update(user=user, session={})
    page: Callable[[ActingRequest], HttpResponse] = forgetful
    assert for_roles(Role.CLINICIAN)(page)(request).content.decode() == hers  # type: ignore[attr-defined]
    assert for_everybody(forgetful)(rf_anonymous(rf)).content.decode() == ""  # type: ignore[attr-defined]


def rf_anonymous(rf: RequestFactory) -> HttpRequest:
    """A request of nobody's."""
    request = rf.get("/")
    vars(request).update(user=AnonymousUser(), session={})
    return request

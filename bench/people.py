"""A city's people, made by SQL, with what years of call and recall leave behind: for benchmarks and tests of plans.

Each is a Patient in the store and its row of Citizen; 500 stations; a closed round of the bowel programme behind half
of those in its age, an open one with a twentieth; two ended invitations each behind most of them; a deferral with a
fiftieth.
"""

from django.db import connection

_PATIENTS = """
INSERT INTO fhir_resource (type, id, version, last_updated, deleted, patient, facility, author, tokens, content)
SELECT 'Patient', 'bench-' || n, 1, now(), false, 'bench-' || n, NULL, 'system:bench', '{}',
    json_build_object('resourceType', 'Patient', 'id', 'bench-' || n, 'gender',
        CASE WHEN n %% 2 = 0 THEN 'female' ELSE 'male' END,
        'birthDate', (date '1937-01-01' + (n::bigint * 7919 %% 30000)::int)::text,
        'name', json_build_array(json_build_object('text', 'Người thứ ' || n)),
        'telecom', json_build_array(json_build_object('system', 'phone', 'value', '0912345678')),
        'address', json_build_array(json_build_object('use', 'home', 'text', 'Hà Nội')))::text
FROM generate_series(1, %(people)s) AS n
"""
_STATIONS = """
INSERT INTO records_facility (organization_id, code, name, kind, area_id, active)
SELECT 'bench-station-' || n, 'B' || lpad(n::text, 4, '0'), 'Trạm ' || n, '',
    (SELECT array_agg(id ORDER BY id) FROM records_area WHERE kind = 'commune')[1 + n], true
FROM generate_series(0, 499) AS n
"""
_CITIZENS = """
INSERT INTO records_citizen (patient_id, full_name, folded_name, sort_key, family, given, birth_date, birth_precision,
    sex, cccd, insurance_number, phone, address_text, area_id, facility_id, deceased, active, warnings)
SELECT 'bench-' || n, 'Người thứ ' || n, 'nguoi thu', 'nguoi', '', '',
    date '1937-01-01' + (n::bigint * 7919 %% 30000)::int, 'day',
    CASE WHEN n %% 2 = 0 THEN 'female' ELSE 'male' END, '', '', '0912345678', 'Hà Nội',
    (SELECT array_agg(id ORDER BY id) FROM records_area WHERE kind = 'commune')[1 + n %% 500], NULL, false, true, '[]'
FROM generate_series(1, %(people)s) AS n
"""
_CLOSED = """
INSERT INTO screening_episode (id, patient_id, programme, protocol_version, opened_on, state, step, category, due_on,
    due_from, due_rule, owner, closed_on, outcome, detail, needs)
SELECT gen_random_uuid(), c.patient_id, 'colorectal', '2017.1', day, 'closed', '', 'negative',
    (day + interval '12 months')::date, day, 'category:fit.negative', 'department', day, 'negative', '', '[]'
FROM (SELECT patient_id, date '2025-01-01' + (hashtext(patient_id) & 511) AS day FROM records_citizen
    WHERE birth_date < '1986-01-01' AND hashtext(patient_id) & 1024 = 0) AS c
"""
_OPEN = """
INSERT INTO screening_episode (id, patient_id, programme, protocol_version, opened_on, state, step, category,
    due_on, warn_on, first_due_on, district_on, city_on, due_from, due_rule, owner, outcome, detail, needs)
SELECT gen_random_uuid(), patient_id, 'colorectal', '2017.1', day, 'assessment_due', 'colonoscopy', 'positive',
    day + 30, day + 20, day + 30, day + 60, day + 90, day, 'step:colonoscopy', 'department', '', '', '[]'
FROM records_citizen, (SELECT date '2026-11-01' AS day) AS opened
WHERE birth_date < '1986-01-01' AND hashtext(patient_id) % 20 = 0
"""
_INVITATIONS = """
INSERT INTO screening_invitation (patient_id, programme, due_on, kind, facility_id, planned_on, state, sent_on,
    reminders, ended_on, ended_by)
SELECT patient_id, 'colorectal', day, 'call', NULL, day, 'nonresponder', day, 0, day + 90, ''
FROM records_citizen CROSS JOIN unnest(ARRAY[date '2022-03-01', date '2024-03-01']) AS day
WHERE birth_date < '1986-01-01' AND hashtext(patient_id) % 8 <> 0
"""
_DECISIONS = """
INSERT INTO screening_decision (request_id, patient_id, programme, kind, reason, evidence, made_on, until, by_citizen,
    actor, undone, version)
SELECT 'bench-' || patient_id, patient_id, 'colorectal', 'defer', 'ill', '', date '2026-10-01', date '2027-02-01',
    false, 'system:bench', false, 1
FROM records_citizen WHERE birth_date < '1986-01-01' AND hashtext(patient_id) % 50 = 0
"""


def make_people(people: int) -> None:
    """Into an empty database that has its areas."""
    with connection.cursor() as cursor:
        cursor.execute(_PATIENTS, {"people": people})
        cursor.execute(_STATIONS)
        cursor.execute(_CITIZENS, {"people": people})
        for sql in (_CLOSED, _OPEN, _INVITATIONS, _DECISIONS):
            cursor.execute(sql)
        cursor.execute("ANALYZE fhir_resource, records_citizen, screening_episode")
        cursor.execute("ANALYZE screening_invitation, screening_decision")

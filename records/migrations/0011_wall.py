"""Row-level security for people's names and records: see ``healthhub.postgresql.wall`` and ADR 31."""

from django.db import migrations

_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'healthhub_walled') THEN
        CREATE ROLE healthhub_walled NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'healthhub_walled', 'MEMBER') THEN
        EXECUTE format('GRANT healthhub_walled TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'The role healthhub_walled is missing and % may not make it', current_user
        USING HINT = 'As a superuser: CREATE ROLE healthhub_walled NOLOGIN; GRANT healthhub_walled TO ' || current_user;
END $$;
DO $$ BEGIN
    ALTER FUNCTION pg_catalog.arrayoverlap(anyarray, anyarray) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- docs/operations.md: searches behind the wall are slow without it
END $$;
"""
# What is no table of people's names or records, a request reads and writes as before.
_GRANTS = """
GRANT USAGE ON SCHEMA public TO healthhub_walled;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO healthhub_walled;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO healthhub_walled;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO healthhub_walled;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO healthhub_walled;
REVOKE UPDATE, DELETE ON audit_accessentry, audit_accessseal FROM healthhub_walled;
DO $$
DECLARE part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent IN ('fhir_resource'::regclass, 'fhir_resourceversion'::regclass)
    LOOP
        IF (SELECT relkind FROM pg_class WHERE oid = part) = 'r' THEN
            EXECUTE format('REVOKE ALL ON %s FROM healthhub_walled', part);
        END IF;
    END LOOP;
END $$;
"""
_POLICIES = """
DROP POLICY IF EXISTS walled ON fhir_resource; CREATE POLICY walled ON fhir_resource FOR SELECT TO
    healthhub_walled USING (CASE WHEN fhir_resource.patient IS NULL THEN fhir_resource.type IN
    ('ActivityDefinition', 'CapabilityStatement', 'CodeSystem', 'CompartmentDefinition', 'ConceptMap',
    'Endpoint', 'GraphDefinition', 'HealthcareService', 'ImplementationGuide', 'Library', 'Location', 'Measure',
    'Medication', 'MedicationKnowledge', 'MessageDefinition', 'NamingSystem', 'ObservationDefinition',
    'OperationDefinition', 'Organization', 'OrganizationAffiliation', 'PlanDefinition', 'Practitioner',
    'PractitionerRole', 'Questionnaire', 'Schedule', 'SearchParameter', 'Slot', 'SpecimenDefinition',
    'StructureDefinition', 'StructureMap', 'Substance', 'TerminologyCapabilities', 'ValueSet') OR
    fhir_resource.facility = current_setting('healthhub.facility', true) ELSE (SELECT true FROM
    records_carerelation c WHERE c.patient_id = fhir_resource.patient AND c.facility_id =
    current_setting('healthhub.facility', true) LIMIT 1) IS TRUE OR (SELECT true FROM records_consent c WHERE
    c.patient_id = fhir_resource.patient AND c.facility_id = current_setting('healthhub.facility', true) AND
    c.withdrawn_at IS NULL LIMIT 1) IS TRUE OR fhir_resource.patient = current_setting('healthhub.patient',
    true) OR fhir_resource.patient = ANY(string_to_array(current_setting('healthhub.opened', true), ',')) END);
    ALTER TABLE fhir_resource ENABLE ROW LEVEL SECURITY; REVOKE ALL ON fhir_resource FROM healthhub_walled;
    GRANT SELECT ON fhir_resource TO healthhub_walled;
DROP POLICY IF EXISTS walled ON fhir_resourceversion; CREATE POLICY walled ON fhir_resourceversion FOR SELECT TO
    healthhub_walled USING (CASE WHEN fhir_resourceversion.patient IS NULL THEN fhir_resourceversion.type IN
    ('ActivityDefinition', 'CapabilityStatement', 'CodeSystem', 'CompartmentDefinition', 'ConceptMap',
    'Endpoint', 'GraphDefinition', 'HealthcareService', 'ImplementationGuide', 'Library', 'Location', 'Measure',
    'Medication', 'MedicationKnowledge', 'MessageDefinition', 'NamingSystem', 'ObservationDefinition',
    'OperationDefinition', 'Organization', 'OrganizationAffiliation', 'PlanDefinition', 'Practitioner',
    'PractitionerRole', 'Questionnaire', 'Schedule', 'SearchParameter', 'Slot', 'SpecimenDefinition',
    'StructureDefinition', 'StructureMap', 'Substance', 'TerminologyCapabilities', 'ValueSet') OR
    fhir_resourceversion.facility = current_setting('healthhub.facility', true) ELSE (SELECT true FROM
    records_carerelation c WHERE c.patient_id = fhir_resourceversion.patient AND c.facility_id =
    current_setting('healthhub.facility', true) LIMIT 1) IS TRUE OR (SELECT true FROM records_consent c WHERE
    c.patient_id = fhir_resourceversion.patient AND c.facility_id = current_setting('healthhub.facility', true)
    AND c.withdrawn_at IS NULL LIMIT 1) IS TRUE OR fhir_resourceversion.patient =
    current_setting('healthhub.patient', true) OR fhir_resourceversion.patient =
    ANY(string_to_array(current_setting('healthhub.opened', true), ',')) END); ALTER TABLE fhir_resourceversion
    ENABLE ROW LEVEL SECURITY; REVOKE ALL ON fhir_resourceversion FROM healthhub_walled; GRANT SELECT ON
    fhir_resourceversion TO healthhub_walled;
DROP POLICY IF EXISTS walled ON records_citizen; CREATE POLICY walled ON records_citizen FOR SELECT TO
    healthhub_walled USING (current_setting('healthhub.names', true) = 'on' OR (SELECT true FROM
    records_carerelation c WHERE c.patient_id = records_citizen.patient_id AND c.facility_id =
    current_setting('healthhub.facility', true) LIMIT 1) IS TRUE OR (SELECT true FROM records_consent c WHERE
    c.patient_id = records_citizen.patient_id AND c.facility_id = current_setting('healthhub.facility', true)
    AND c.withdrawn_at IS NULL LIMIT 1) IS TRUE OR records_citizen.patient_id =
    current_setting('healthhub.patient', true) OR records_citizen.patient_id =
    ANY(string_to_array(current_setting('healthhub.opened', true), ','))); ALTER TABLE records_citizen ENABLE
    ROW LEVEL SECURITY; REVOKE ALL ON records_citizen FROM healthhub_walled; GRANT SELECT ON records_citizen TO
    healthhub_walled;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_indexes"),
        ("fhir", "0001_initial"),
        ("records", "0010_record_requests"),
    ]

    operations = [migrations.RunSQL(_ROLE + _GRANTS + _POLICIES, migrations.RunSQL.noop)]

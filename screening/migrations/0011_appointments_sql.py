"""Nobody changes or removes what happened to an appointment."""

from django.db import migrations

FORBID = """
CREATE FUNCTION screening_refuse_appointment_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what happened to appointments is append-only';
END $$;
CREATE TRIGGER screening_appointmentevent_append_only BEFORE UPDATE OR DELETE ON screening_appointmentevent
    FOR EACH STATEMENT EXECUTE FUNCTION screening_refuse_appointment_change();
"""
ALLOW = """
DROP TRIGGER screening_appointmentevent_append_only ON screening_appointmentevent;
DROP FUNCTION screening_refuse_appointment_change();
"""


class Migration(migrations.Migration):
    """A trigger on the table of events."""

    dependencies = [("screening", "0010_appointments")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]

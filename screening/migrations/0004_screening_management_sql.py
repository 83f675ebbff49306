"""What Django cannot express: indexes over the few rows of long tables that lists read, and rows that only grow."""

from django.db import migrations

# Few rounds of all are open: these stay small however many years of closed ones there are. The first two give a
# facility's list in order of due date without touching anybody else's; the third gives the longest-waiting; the last
# two are the laboratory's results to verify, and those that nobody has told yet.
INDEXES = """
CREATE INDEX screening_episode_open_owner ON screening_episode (owner, due_on, id)
  INCLUDE (patient_id, programme, step, state) WHERE state <> 'closed';
CREATE INDEX screening_episode_open_since ON screening_episode (opened_on, id) WHERE state <> 'closed';
CREATE INDEX screening_episode_open_person ON screening_episode (patient_id) WHERE state <> 'closed';
CREATE INDEX screening_result_positive ON screening_screeningresult (episode_id) WHERE outcome = 'positive';
CREATE INDEX screening_result_unverified ON screening_screeningresult (facility_id, collected_on, observation_id)
WHERE status = 'preliminary' OR outcome = 'unclassified';
CREATE INDEX screening_result_untold ON screening_screeningresult (facility_id, hold_until, observation_id)
WHERE released_on IS NULL AND hold_until IS NOT NULL;
"""
NO_INDEXES = """
DROP INDEX screening_result_untold;
DROP INDEX screening_result_unverified;
DROP INDEX screening_episode_open_owner;
DROP INDEX screening_episode_open_since;
DROP INDEX screening_episode_open_person;
DROP INDEX screening_result_positive;
"""

WORK_LOG = """
CREATE FUNCTION screening_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END $$;
CREATE TRIGGER screening_assignment_kept BEFORE UPDATE OR DELETE ON screening_assignment
  FOR EACH ROW EXECUTE FUNCTION screening_append_only();
CREATE TRIGGER screening_contactattempt_kept BEFORE UPDATE OR DELETE ON screening_contactattempt
  FOR EACH ROW EXECUTE FUNCTION screening_append_only();
CREATE TRIGGER screening_escalation_kept BEFORE UPDATE OR DELETE ON screening_escalation
  FOR EACH ROW EXECUTE FUNCTION screening_append_only();
"""
NO_WORK_LOG = """
DROP TRIGGER screening_assignment_kept ON screening_assignment;
DROP TRIGGER screening_contactattempt_kept ON screening_contactattempt;
DROP TRIGGER screening_escalation_kept ON screening_escalation;
DROP FUNCTION screening_append_only();
"""

# The numbers of barcodes, and a chain of custody that only grows.
CUSTODY = """
CREATE SEQUENCE screening_barcode;
CREATE FUNCTION screening_custody_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody events are appended only';
END $$;
CREATE TRIGGER screening_custody_is_kept BEFORE UPDATE OR DELETE ON screening_custodyevent
FOR EACH ROW EXECUTE FUNCTION screening_custody_is_kept();
"""
NO_CUSTODY = """
DROP TRIGGER screening_custody_is_kept ON screening_custodyevent;
DROP FUNCTION screening_custody_is_kept();
DROP SEQUENCE screening_barcode;
"""

APPOINTMENTS = """
CREATE FUNCTION screening_refuse_appointment_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what happened to appointments is append-only';
END $$;
CREATE TRIGGER screening_appointmentevent_append_only BEFORE UPDATE OR DELETE ON screening_appointmentevent
    FOR EACH STATEMENT EXECUTE FUNCTION screening_refuse_appointment_change();
"""
NO_APPOINTMENTS = """
DROP TRIGGER screening_appointmentevent_append_only ON screening_appointmentevent;
DROP FUNCTION screening_refuse_appointment_change();
"""

# `episode_id` may be set anew by a re-fold. A rebuild removes what it is about to make again, and says so in its
# transaction (`SET LOCAL healthhub.rebuild = 'on'`). Only columns named in SET fire the first trigger, so that moving
# events to their round costs nothing.
EVENTS = """
CREATE FUNCTION screening_event_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(current_setting('healthhub.rebuild', true), '') <> 'on' THEN
    RAISE EXCEPTION 'events of screening are appended only' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER screening_event_unchanged BEFORE UPDATE OF id, patient_id, programme, kind, fact, occurred_on,
  recorded_at, source_type, source_id, source_version, data, actor ON screening_episodeevent
  FOR EACH ROW EXECUTE FUNCTION screening_event_is_final();
CREATE TRIGGER screening_event_kept BEFORE DELETE ON screening_episodeevent
  FOR EACH ROW EXECUTE FUNCTION screening_event_is_final();
"""
NO_EVENTS = """
DROP TRIGGER screening_event_kept ON screening_episodeevent;
DROP TRIGGER screening_event_unchanged ON screening_episodeevent;
DROP FUNCTION screening_event_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("screening", "0003_screening_management")]

    operations = [
        migrations.RunSQL(INDEXES, NO_INDEXES),
        migrations.RunSQL(WORK_LOG, NO_WORK_LOG),
        migrations.RunSQL(CUSTODY, NO_CUSTODY),
        migrations.RunSQL(APPOINTMENTS, NO_APPOINTMENTS),
        migrations.RunSQL(EVENTS, NO_EVENTS),
    ]

"""Indexes over open rounds only, and what makes the work log append-only: Django cannot express either."""

from typing import ClassVar

from django.db import migrations

# Few rounds of all are open: these stay small however many years of closed ones there are. The first two give a
# facility's list in order of due date without touching anybody else's; the last gives the longest-waiting.
_INDEXES = """
CREATE INDEX screening_episode_open_owner ON screening_episode (owner, due_on, id)
  INCLUDE (patient_id, programme, step, state) WHERE state <> 'closed';
CREATE INDEX screening_episode_open_since ON screening_episode (opened_on, id) WHERE state <> 'closed';
CREATE INDEX screening_episode_open_person ON screening_episode (patient_id) WHERE state <> 'closed';
CREATE INDEX screening_result_positive ON screening_screeningresult (episode_id) WHERE outcome = 'positive';
"""
_NO_INDEXES = """
DROP INDEX screening_episode_open_owner;
DROP INDEX screening_episode_open_since;
DROP INDEX screening_episode_open_person;
DROP INDEX screening_result_positive;
"""
_APPEND_ONLY = """
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
_CHANGEABLE = """
DROP TRIGGER screening_assignment_kept ON screening_assignment;
DROP TRIGGER screening_contactattempt_kept ON screening_contactattempt;
DROP TRIGGER screening_escalation_kept ON screening_escalation;
DROP FUNCTION screening_append_only();
"""


class Migration(migrations.Migration):
    """Adds them."""

    dependencies: ClassVar = [("screening", "0003_failsafe")]

    operations: ClassVar = [migrations.RunSQL(_INDEXES, _NO_INDEXES), migrations.RunSQL(_APPEND_ONLY, _CHANGEABLE)]

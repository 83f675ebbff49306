"""Events are appended only: the database itself refuses to change or remove one."""

from django.db import migrations

# `episode_id` may be set anew by a re-fold. A rebuild removes what it is about to make again, and says so in its
# transaction (`SET LOCAL healthhub.rebuild = 'on'`). Only columns named in SET fire the first trigger, so that moving
# events to their round costs nothing.
CREATE = """
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
DROP = """
DROP TRIGGER screening_event_kept ON screening_episodeevent;
DROP TRIGGER screening_event_unchanged ON screening_episodeevent;
DROP FUNCTION screening_event_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("screening", "0014_pathway")]

    operations = [migrations.RunSQL(CREATE, DROP)]

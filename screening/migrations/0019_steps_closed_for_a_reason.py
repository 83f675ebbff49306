from django.db import migrations, models

# Rounds that were closed for a reason stand on the list to review as before, by whose list they were on; so do those
# that wait for another step. Which step it was is worked out when the round is folded anew.
FILL = """
WITH newest AS (
  SELECT DISTINCT ON (v.episode_id) v.episode_id, v.source_id, v.data->>'reason' AS reason, v.occurred_on
  FROM screening_episodeevent v
  WHERE v.fact = 'closed' AND v.kind = 'closed' AND v.source_type = 'staff' AND NOT EXISTS (
    SELECT FROM screening_episodeevent w
    WHERE w.source_id = v.source_id AND w.source_type = v.source_type AND w.kind = 'withdrawn')
  ORDER BY v.episode_id, v.occurred_on DESC, v.source_id
), closed AS (
  SELECT e.id, e.category, e.holder AS place, coalesce(n.source_id, '') AS closing,
    CASE e.outcome WHEN 'closed' THEN e.detail ELSE n.reason END AS reason,
    CASE e.outcome WHEN 'closed' THEN e.closed_on ELSE n.occurred_on END AS day
  FROM screening_episode e LEFT JOIN newest n ON n.episode_id = e.id
  WHERE e.outcome = 'closed' OR (e.state <> 'closed' AND n.episode_id IS NOT NULL)
)
UPDATE screening_episode e SET waived_on = c.day, waived = jsonb_build_array(jsonb_build_object('step', '',
  'source', '', 'category', c.category, 'place', c.place, 'reason', c.reason, 'closing', c.closing, 'on', c.day))
FROM closed c WHERE c.id = e.id
"""
# Every open step is a Task from now on, not only the first one of its round.
NOTE = """
INSERT INTO screening_unpublishedperson (patient)
SELECT DISTINCT patient_id FROM screening_episode WHERE state <> 'closed'
"""
INDEX = """
DROP INDEX screening_episode_closed_for_reason;
CREATE INDEX screening_episode_waived ON screening_episode USING gin (waived jsonb_path_ops)
  WHERE waived_on IS NOT NULL
"""
NO_INDEX = """
DROP INDEX screening_episode_waived;
CREATE INDEX screening_episode_closed_for_reason ON screening_episode (holder, closed_on DESC, id DESC)
  WHERE outcome = 'closed'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0018_withdrawn_events"),
    ]

    operations = [
        migrations.AddField(
            model_name="episode",
            name="waived",
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="episode",
            name="waived_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(NOTE, migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, NO_INDEX),
    ]

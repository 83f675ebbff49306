"""Rows of people who were known already are told apart from those that register somebody.

A row that is not stored says whom it found (``patient``). A stored one always does: it registered her if it is the
first of its file about her and her record began after the file was approved. What was approved as "new" meant both.
Files whose rows have been forgotten keep their count of new results as it was.
"""

from django.db import migrations, models

_APART = """
UPDATE screening_stagedrow SET kind = 'matched'
WHERE kind = 'new' AND patient <> '' AND state IN ('staged', 'left');

WITH ours AS (
  SELECT s.id, s.patient, b.approved_at, min(s.row) OVER (PARTITION BY s.batch_id, s.patient) = s.row AS first
  FROM screening_stagedrow s JOIN screening_importbatch b ON b.id = s.batch_id
  WHERE s.kind = 'new' AND s.patient <> '' AND s.state NOT IN ('staged', 'left')
), began AS (
  SELECT p.patient, coalesce(v.last_updated, r.last_updated) AS at
  FROM (SELECT DISTINCT patient FROM ours) p
  LEFT JOIN fhir_resourceversion v ON v.type = 'Patient' AND v.id = p.patient AND v.version = 1
  LEFT JOIN fhir_resource r ON r.type = 'Patient' AND r.id = p.patient AND r.version = 1
)
UPDATE screening_stagedrow s SET kind = 'matched'
FROM ours JOIN began ON began.patient = ours.patient
WHERE s.id = ours.id AND NOT (ours.first AND began.at >= date_trunc('milliseconds', ours.approved_at));

UPDATE screening_importbatch b SET new = b.new - n.rows, matched = n.rows
FROM (
  SELECT s.batch_id, LEAST(count(*), max(i.new))::int AS rows
  FROM screening_stagedrow s JOIN screening_importbatch i ON i.id = s.batch_id
  WHERE s.kind = 'matched' GROUP BY s.batch_id
) n
WHERE b.id = n.batch_id;

UPDATE screening_importbatch SET kinds = kinds || '["matched"]' WHERE kinds @> '["new"]';
"""
_TOGETHER = """
UPDATE screening_stagedrow SET kind = 'new' WHERE kind = 'matched';
UPDATE screening_importbatch SET new = new + matched, kinds = kinds - 'matched';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0013_closings_as_tasks"),
        ("fhir", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="importbatch",
            name="matched",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="stagedrow",
            name="kind",
            field=models.CharField(
                choices=[
                    ("new", "Người mới"),
                    ("matched", "Người đã có hồ sơ"),
                    ("unchanged", "Đã có"),
                    ("correction", "Sửa"),
                    ("close", "Gần khớp"),
                    ("nobody", "Không rõ người"),
                    ("repeated", "Lặp lại"),
                    ("error", "Sai"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunSQL(_APART, _TOGETHER),
    ]

"""Lists and counts over many rounds read a few columns of an index; officers decide about many steps at once."""

import json
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# What the lists read: few rounds of all are open, and fewer people still were merged into others.
INDEXES = """
DROP INDEX screening_episode_open_owner;
CREATE INDEX screening_episode_open_due ON screening_episode (first_due_on, id) WHERE state <> 'closed';
CREATE INDEX screening_episode_closed_for_reason ON screening_episode (holder, closed_on DESC, id DESC)
  WHERE outcome = 'closed';
CREATE INDEX records_citizen_not_active ON records_citizen (patient_id) WHERE NOT active;
CREATE TRIGGER screening_alarmreview_kept BEFORE UPDATE OR DELETE ON screening_alarmreview
  FOR EACH ROW EXECUTE FUNCTION screening_append_only();
"""
NO_INDEXES = """
DROP TRIGGER screening_alarmreview_kept ON screening_alarmreview;
DROP INDEX records_citizen_not_active;
DROP INDEX screening_episode_closed_for_reason;
DROP INDEX screening_episode_open_due;
CREATE INDEX screening_episode_open_owner ON screening_episode (owner, due_on, id)
  INCLUDE (patient_id, programme, step, state) WHERE state <> 'closed';
"""
_FILL = """
WITH clocks AS (
  SELECT * FROM json_to_recordset(%s::json) AS k(programme text, version text, step text, district int, city int)
), needs AS (
  SELECT e.id, jsonb_agg(n.need || jsonb_build_object(
      'district_on', (n.need->>'due_on')::date + coalesce(k.district, 14),
      'city_on', (n.need->>'due_on')::date + coalesce(k.city, 30)) ORDER BY n.place) AS needs,
    min((n.need->>'due_on')::date) AS first_due_on,
    min((n.need->>'due_on')::date + coalesce(k.district, 14)) AS district_on,
    min((n.need->>'due_on')::date + coalesce(k.city, 30)) AS city_on
  FROM screening_episode e CROSS JOIN LATERAL jsonb_array_elements(
    CASE WHEN e.needs = '[]' THEN jsonb_build_array(jsonb_build_object('step', e.step, 'state', e.state,
      'category', e.category, 'owner', e.owner, 'due_on', e.due_on, 'warn_on', e.warn_on, 'limit_on', e.limit_on,
      'source', coalesce((SELECT v.source_type || '/' || v.source_id FROM screening_episodeevent v
        WHERE v.episode_id = e.id AND v.kind <> 'withdrawn' AND v.fact IN ('result', 'assessed')
        ORDER BY v.occurred_on DESC, v.recorded_at DESC LIMIT 1), '')))
    ELSE e.needs END) WITH ORDINALITY AS n(need, place)
  LEFT JOIN clocks k ON k.programme = e.programme AND k.version = e.protocol_version AND k.step = n.need->>'step'
  WHERE e.state <> 'closed' GROUP BY e.id
)
UPDATE screening_episode e SET needs = n.needs, first_due_on = n.first_due_on, district_on = n.district_on,
  city_on = n.city_on
FROM needs n WHERE n.id = e.id
"""
_HOLDERS = """
UPDATE screening_episode e SET area_id = c.area_id,
  holder = CASE e.owner WHEN 'department' THEN coalesce(c.facility_id, e.owner) ELSE e.owner END
FROM records_citizen c WHERE c.patient_id = e.patient_id
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Rounds that are stored already, by the clocks of their protocols."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM screening_episode)")
        if not cursor.fetchone()[0]:
            return
        from screening.protocol import protocols

        clocks = []
        for protocol in protocols():
            for step in protocol.steps.values():
                days = {item.to: item.after_days for item in step.escalate}
                after = {"district": days.get("district", 14), "city": days.get("city", 30)}
                clocks.append({"programme": protocol.programme, "version": protocol.version, "step": step.key, **after})
        cursor.execute(_FILL, [json.dumps(clocks)])
        cursor.execute(_HOLDERS)


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0004_handed"),
        ("screening", "0004_screening_management_sql"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlarmReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("check_name", models.CharField(max_length=40)),
                ("subject", models.CharField(max_length=120)),
                ("facts", models.CharField(max_length=200)),
                ("patient_id", models.CharField(max_length=64)),
                ("why", models.CharField(max_length=2000)),
                ("actor", models.CharField(max_length=200)),
                ("actor_name", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="BatchedStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("patient_id", models.CharField(max_length=64)),
                ("step", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Chưa làm"),
                            ("done", "Đã xong"),
                            ("skipped", "Bỏ qua"),
                            ("undone", "Đã hoàn tác"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("why", models.CharField(blank=True, max_length=40)),
                ("event", models.UUIDField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="StepBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("hand_over", "Chuyển cơ sở phụ trách"), ("close", "Khép lại với lý do")],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Chờ người thứ hai xác nhận"),
                            ("queued", "Đang làm"),
                            ("done", "Đã xong"),
                            ("refused", "Không được xác nhận"),
                            ("undoing", "Đang hoàn tác"),
                            ("undone", "Đã hoàn tác"),
                        ],
                        max_length=10,
                    ),
                ),
                ("asked", models.JSONField(default=dict)),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("closed_on", models.DateField(blank=True, null=True)),
                ("evidence", models.CharField(blank=True, max_length=500)),
                ("note", models.CharField(blank=True, max_length=2000)),
                ("total", models.IntegerField(default=0)),
                ("actor", models.CharField(max_length=200)),
                ("actor_name", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("second", models.CharField(blank=True, max_length=200)),
                ("second_name", models.CharField(blank=True, max_length=200)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("undone_by", models.CharField(blank=True, max_length=200)),
                ("undone_by_name", models.CharField(blank=True, max_length=200)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                ("undo_why", models.CharField(blank=True, max_length=2000)),
                ("worked_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="episode",
            name="screening_episode_open_has_owner_due_step",
        ),
        migrations.RemoveIndex(
            model_name="episode",
            name="screening_episode_worklist",
        ),
        migrations.AddField(
            model_name="episode",
            name="area",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="records.area",
            ),
        ),
        migrations.AddField(
            model_name="episode",
            name="city_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="episode",
            name="district_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="episode",
            name="first_due_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="episode",
            name="holder",
            field=models.CharField(db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="failsafealarm",
            name="facts",
            field=models.CharField(db_default="", max_length=200),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=["holder", "first_due_on", "id"],
                include=("patient", "programme", "step", "state", "area", "district_on", "city_on"),
                name="screening_episode_held",
            ),
        ),
        migrations.AddConstraint(
            model_name="episode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_on__isnull", False), ("state", "closed")),
                    models.Q(
                        ("closed_on__isnull", True),
                        ("due_on__isnull", False),
                        ("warn_on__isnull", False),
                        ("city_on__isnull", False),
                        ("district_on__isnull", False),
                        ("first_due_on__isnull", False),
                        models.Q(("step", ""), _negated=True),
                        models.Q(("owner", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="screening_episode_open_has_owner_due_step",
            ),
        ),
        migrations.AddIndex(
            model_name="alarmreview",
            index=models.Index(fields=["check_name", "subject"], name="screening_alarm_review"),
        ),
        migrations.AddField(
            model_name="batchedstep",
            name="episode",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="batched",
                to="screening.episode",
            ),
        ),
        migrations.AddField(
            model_name="stepbatch",
            name="area",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="records.area"
            ),
        ),
        migrations.AddField(
            model_name="stepbatch",
            name="target",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="records.facility",
            ),
        ),
        migrations.AddField(
            model_name="batchedstep",
            name="batch",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="steps",
                to="screening.stepbatch",
            ),
        ),
        migrations.AddIndex(
            model_name="stepbatch",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "queued", "undoing"))),
                fields=["state"],
                name="screening_stepbatch_open",
            ),
        ),
        migrations.AddIndex(
            model_name="batchedstep",
            index=models.Index(fields=["batch", "state", "id"], name="screening_batchedstep_state"),
        ),
        migrations.AddConstraint(
            model_name="batchedstep",
            constraint=models.UniqueConstraint(fields=("batch", "episode"), name="screening_batchedstep_once"),
        ),
        migrations.RunSQL(INDEXES, NO_INDEXES),
    ]

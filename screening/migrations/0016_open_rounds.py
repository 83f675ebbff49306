"""A round that waits for steps of several places stands on the list of each of them."""

import django.db.models.deletion
from django.db import migrations, models

#: Writes the rows of these rounds anew: one for each place that holds an open step, by the most urgent one of its own.
HOLD = """
CREATE FUNCTION screening_hold(rounds uuid[]) RETURNS void LANGUAGE sql AS $$
WITH steps AS (
  SELECT e.id AS episode_id, e.patient_id, e.programme, e.opened_on, e.area_id, n.place, n.need->>'step' AS step,
    n.need->>'state' AS state, (n.need->>'due_on')::date AS due_on, (n.need->>'district_on')::date AS district_on,
    (n.need->>'city_on')::date AS city_on, CASE n.need->>'owner'
      WHEN 'department' THEN coalesce(c.facility_id, 'department') ELSE n.need->>'owner' END AS holder
  FROM screening_episode e LEFT JOIN records_citizen c ON c.patient_id = e.patient_id
  CROSS JOIN LATERAL jsonb_array_elements(e.needs) WITH ORDINALITY AS n(need, place)
  WHERE e.id = ANY(rounds) AND e.state <> 'closed'
), held AS (
  SELECT episode_id, holder, patient_id, programme, opened_on, (array_agg(step ORDER BY place))[1] AS step,
    (array_agg(state ORDER BY place))[1] AS state, area_id, min(due_on) AS first_due_on,
    min(district_on) AS district_on, min(city_on) AS city_on
  FROM steps GROUP BY episode_id, holder, patient_id, programme, opened_on, area_id
), gone AS (
  DELETE FROM screening_openround o WHERE o.episode_id = ANY(rounds)
    AND NOT EXISTS (SELECT FROM held h WHERE h.episode_id = o.episode_id AND h.holder = o.holder)
)
INSERT INTO screening_openround AS o (episode_id, holder, patient_id, programme, opened_on, step, state, area_id,
  first_due_on, district_on, city_on)
SELECT episode_id, holder, patient_id, programme, opened_on, step, state, area_id, first_due_on, district_on, city_on
FROM held
ON CONFLICT (episode_id, holder) DO UPDATE SET patient_id = excluded.patient_id, programme = excluded.programme,
  opened_on = excluded.opened_on, step = excluded.step, state = excluded.state, area_id = excluded.area_id,
  first_due_on = excluded.first_due_on, district_on = excluded.district_on, city_on = excluded.city_on
WHERE (o.patient_id, o.programme, o.opened_on, o.step, o.state, o.area_id, o.first_due_on, o.district_on, o.city_on)
  IS DISTINCT FROM (excluded.patient_id, excluded.programme, excluded.opened_on, excluded.step, excluded.state,
  excluded.area_id, excluded.first_due_on, excluded.district_on, excluded.city_on)
$$;
CREATE FUNCTION screening_episode_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM fresh WHERE state <> 'closed') THEN
    PERFORM screening_hold((SELECT array_agg(id) FROM fresh WHERE state <> 'closed'));
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION screening_episode_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM fresh f JOIN stale s USING (id) WHERE f.state <> 'closed' OR s.state <> 'closed') THEN
    PERFORM screening_hold((SELECT array_agg(id) FROM fresh f JOIN stale s USING (id)
      WHERE f.state <> 'closed' OR s.state <> 'closed'));
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION screening_episode_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM screening_openround o USING stale s WHERE o.episode_id = s.id;
  RETURN NULL;
END $$;
CREATE TRIGGER screening_episode_added AFTER INSERT ON screening_episode REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION screening_episode_added();
CREATE TRIGGER screening_episode_changed AFTER UPDATE ON screening_episode
  REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION screening_episode_changed();
CREATE TRIGGER screening_episode_gone AFTER DELETE ON screening_episode REFERENCING OLD TABLE AS stale
  FOR EACH STATEMENT EXECUTE FUNCTION screening_episode_gone();
SELECT screening_hold(array(SELECT id FROM screening_episode WHERE state <> 'closed'));
UPDATE screening_batchedstep b SET holder = e.holder FROM screening_episode e WHERE e.id = b.episode_id;
"""
NO_HOLD = """
DROP TRIGGER screening_episode_added ON screening_episode;
DROP TRIGGER screening_episode_changed ON screening_episode;
DROP TRIGGER screening_episode_gone ON screening_episode;
DROP FUNCTION screening_episode_added, screening_episode_changed, screening_episode_gone;
DROP FUNCTION screening_hold;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0005_called"),
        ("screening", "0015_notices_of_findings"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenRound",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("holder", models.CharField(max_length=64)),
                ("programme", models.CharField(max_length=40)),
                ("opened_on", models.DateField()),
                ("step", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("to_verify", "Cần kiểm tra kết quả"),
                            ("reading_due", "Cần đọc phim lần nữa"),
                            ("repeat_due", "Cần lấy lại mẫu"),
                            ("triage_due", "Cần xét nghiệm phân loại"),
                            ("assessment_due", "Cần khám chẩn đoán"),
                            ("referred", "Đã giới thiệu đi khám"),
                            ("decision_due", "Cần hội chẩn"),
                            ("treatment_due", "Cần điều trị"),
                            ("surveillance_due", "Đang theo dõi"),
                            ("closed", "Đã kết thúc"),
                        ],
                        max_length=20,
                    ),
                ),
                ("first_due_on", models.DateField()),
                ("district_on", models.DateField()),
                ("city_on", models.DateField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="batchedstep",
            name="screening_batchedstep_once",
        ),
        migrations.RemoveIndex(
            model_name="episode",
            name="screening_episode_held",
        ),
        migrations.AddField(
            model_name="batchedstep",
            name="holder",
            field=models.CharField(db_default="", max_length=64),
        ),
        migrations.AddConstraint(
            model_name="batchedstep",
            constraint=models.UniqueConstraint(
                fields=("batch", "episode", "holder"), name="screening_batchedstep_each"
            ),
        ),
        migrations.AddField(
            model_name="openround",
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
            model_name="openround",
            name="episode",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="places",
                to="screening.episode",
            ),
        ),
        migrations.AddField(
            model_name="openround",
            name="patient",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="records.citizen",
            ),
        ),
        migrations.AddIndex(
            model_name="openround",
            index=models.Index(
                fields=["holder", "first_due_on", "id"],
                include=("patient", "programme", "step", "state", "area", "district_on", "city_on", "episode"),
                name="screening_openround_list",
            ),
        ),
        migrations.AddIndex(
            model_name="openround",
            index=models.Index(fields=["first_due_on", "id"], name="screening_openround_due"),
        ),
        migrations.AddConstraint(
            model_name="openround",
            constraint=models.UniqueConstraint(fields=("episode", "holder"), name="screening_openround_once"),
        ),
        migrations.RunSQL(HOLD, NO_HOLD),
    ]

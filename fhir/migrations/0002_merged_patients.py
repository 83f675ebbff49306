from django.db import migrations, models

# Every statement in it sees what was committed before that statement, so a write that waited for a merge knows of it.
KEPT_OF = """
CREATE FUNCTION fhir_kept_of(people text[]) RETURNS TABLE (duplicate text, kept text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('fhir_mergedpatient'));
  RETURN QUERY SELECT m.duplicate, m.kept FROM fhir_mergedpatient m WHERE m.duplicate = ANY(people);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("fhir", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="MergedPatient",
            fields=[
                ("duplicate", models.TextField(primary_key=True, serialize=False)),
                ("kept", models.TextField(db_index=True)),
            ],
        ),
        migrations.RunSQL(KEPT_OF, "DROP FUNCTION fhir_kept_of(text[])"),
    ]

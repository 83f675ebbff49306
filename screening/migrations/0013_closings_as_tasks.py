import django.contrib.postgres.functions
import django.db.models.functions.comparison
from django.db import migrations, models

import fhir.ids

# Tasks of open steps say from now on what was known when they were written: they are all written again.
NOTE = """
INSERT INTO screening_unpublishedperson (patient)
SELECT DISTINCT patient_id FROM screening_episode WHERE state <> 'closed'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0012_left_rows_that_wait"),
    ]

    operations = [
        migrations.AddField(
            model_name="closurerequest",
            name="task",
            field=models.CharField(
                db_default=django.db.models.functions.comparison.Cast(
                    django.contrib.postgres.functions.RandomUUID(), models.CharField()
                ),
                default=fhir.ids.new_id,
                max_length=64,
                unique=True,
            ),
        ),
        migrations.RunSQL(NOTE, migrations.RunSQL.noop),
    ]

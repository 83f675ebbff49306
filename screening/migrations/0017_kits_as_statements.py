import django.contrib.postgres.functions
import django.db.models.functions.comparison
from django.db import migrations, models

import fhir.ids

# Kits that were given out before are written as resources too.
NOTE = """
INSERT INTO screening_unpublishedperson (patient) SELECT DISTINCT patient_id FROM screening_kit
"""


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0016_open_rounds"),
    ]

    operations = [
        migrations.AddField(
            model_name="kit",
            name="statement",
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

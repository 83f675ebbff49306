import django.contrib.postgres.functions
import django.db.models.functions.comparison
from django.db import migrations, models

import fhir.ids

# Whoever has a kit or tube in custody: its chain is written as resources too.
NOTE = """
INSERT INTO screening_unpublishedperson (patient)
SELECT DISTINCT patient_id FROM screening_custodyevent WHERE patient_id IS NOT NULL
"""


def named() -> models.CharField:
    """The id of a resource, of rows that are there already too."""
    return models.CharField(
        db_default=django.db.models.functions.comparison.Cast(
            django.contrib.postgres.functions.RandomUUID(), models.CharField()
        ),
        default=fhir.ids.new_id,
        max_length=64,
        unique=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0020_opened_messages"),
    ]

    operations = [
        migrations.AddField(model_name="custodyevent", name="provenance", field=named()),
        migrations.AddField(model_name="kitlot", name="device", field=named()),
        migrations.RunSQL(NOTE, migrations.RunSQL.noop),
    ]

"""Lines of one person or of one who acts, newest first, and lines of a time."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """By number instead of by time: the same order, and pages can go on behind a line."""

    dependencies = [("audit", "0003_client_and_address")]
    operations = [
        migrations.RemoveIndex("accessentry", "audit_entry_patient"),
        migrations.AddIndex("accessentry", models.Index("patient", "id", name="audit_entry_of_patient")),
        migrations.AddIndex("accessentry", models.Index("actor", "id", name="audit_entry_of_actor")),
        migrations.AddIndex(
            "accessentry",
            django.contrib.postgres.indexes.BrinIndex("at", name="audit_entry_at", autosummarize=True),
        ),
    ]

"""Notices tell of findings too, not of results alone: they name the resource by its type and id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0014_rows_of_known_people"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="notice", name="screening_notice_once"),
        migrations.RenameField(model_name="notice", old_name="observation_id", new_name="source_id"),
        migrations.AddField(
            model_name="notice",
            name="source_type",
            field=models.CharField(default="Observation", max_length=64),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=("source_type", "source_id", "version", "facility", "patient"),
                name="screening_notice_once",
                nulls_distinct=False,
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    # What waits already has no mark, so it counts as overtaken: it must be asked for again, and looked at for that.
    dependencies = [
        ("screening", "0010_called_by"),
    ]

    operations = [
        migrations.AddField(
            model_name="batchedstep",
            name="known",
            field=models.CharField(blank=True, db_default="", max_length=32),
        ),
        migrations.AddField(
            model_name="closurerequest",
            name="known",
            field=models.CharField(blank=True, db_default="", max_length=32),
        ),
    ]

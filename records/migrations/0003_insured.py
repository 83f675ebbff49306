from django.db import migrations, models
from django.db.models.functions import Right


class Migration(migrations.Migration):
    dependencies = [("records", "0002_areas")]

    operations = [
        migrations.AddIndex(
            model_name="citizen", index=models.Index(Right("insurance_number", 10), name="records_citizen_insured")
        ),
    ]

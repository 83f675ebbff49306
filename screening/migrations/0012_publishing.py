from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("screening", "0011_appointments_sql")]

    operations = [
        migrations.CreateModel(
            name="UnpublishedPerson",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("patient", models.CharField(max_length=64)),
            ],
        ),
    ]

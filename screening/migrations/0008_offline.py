import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("screening", "0007_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="OfflineEntry",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("facility", models.CharField(max_length=64)),
                ("patient", models.CharField(max_length=64)),
                ("state", models.CharField(choices=[("saved", "Đã lưu"), ("held", "Đã có sẵn"), ("dropped", "Đã bỏ theo quyết định"), ("conflict", "Cần quyết định"), ("refused", "Chưa nhận được")], max_length=8)),
                ("payload", models.JSONField()),
                ("observation_id", models.CharField(blank=True, max_length=64)),
                ("received_at", models.DateTimeField(auto_now_add=True)),
                ("answered_at", models.DateTimeField(auto_now=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name_plural": "offline entries",
                "indexes": [models.Index(fields=["facility", "state"], name="screening_offline_open")],
            },
        ),
    ]

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from records.areas import load_areas


def load(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    load_areas(area_model=apps.get_model("records", "Area"), succession_model=apps.get_model("records", "AreaSuccession"))


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

"""The app that acted and the address that it came from; seals of the new form; no way to empty the log at once."""

from django.db import migrations, models

FORBID = """
CREATE TRIGGER audit_accessentry_keep BEFORE TRUNCATE ON audit_accessentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_accessseal_keep BEFORE TRUNCATE ON audit_accessseal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""
ALLOW = """
DROP TRIGGER audit_accessentry_keep ON audit_accessentry;
DROP TRIGGER audit_accessseal_keep ON audit_accessseal;
"""


class Migration(migrations.Migration):
    """Columns with a default of the database: no row is rewritten, and a process of the former release may go on."""

    dependencies = [("audit", "0002_append_only")]
    operations = [
        migrations.AddField("accessentry", "client", models.TextField(blank=True, db_default="")),
        migrations.AddField("accessentry", "address", models.TextField(blank=True, db_default="")),
        migrations.AddField("accessseal", "format", models.SmallIntegerField(db_default=1)),
        migrations.AlterField("accessseal", "sealed_at", models.DateTimeField()),
        migrations.RunSQL(FORBID, ALLOW),
    ]

"""Nobody changes or removes what the access log says."""

from django.db import migrations

FORBID = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the access log is append-only';
END $$;
CREATE TRIGGER audit_accessentry_append_only BEFORE UPDATE OR DELETE ON audit_accessentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_accessseal_append_only BEFORE UPDATE OR DELETE ON audit_accessseal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""
ALLOW = """
DROP TRIGGER audit_accessentry_append_only ON audit_accessentry;
DROP TRIGGER audit_accessseal_append_only ON audit_accessseal;
DROP FUNCTION audit_refuse_change();
"""


class Migration(migrations.Migration):
    """A trigger on both tables."""

    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]

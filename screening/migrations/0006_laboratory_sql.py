"""What Django cannot express of the laboratory: the numbers of barcodes, and custody events that only grow."""

from django.db import migrations

_FORWARD = """
CREATE SEQUENCE screening_barcode;
CREATE FUNCTION screening_custody_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody events are appended only';
END $$;
CREATE TRIGGER screening_custody_is_kept BEFORE UPDATE OR DELETE ON screening_custodyevent
FOR EACH ROW EXECUTE FUNCTION screening_custody_is_kept();
"""
_BACKWARD = """
DROP TRIGGER screening_custody_is_kept ON screening_custodyevent;
DROP FUNCTION screening_custody_is_kept();
DROP SEQUENCE screening_barcode;
"""


class Migration(migrations.Migration):
    dependencies = [("screening", "0005_laboratory")]

    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]

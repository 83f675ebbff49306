from django.db import migrations

# Whoever was called before clinics were given the people whom they call.
GIVE = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT DISTINCT patient_id, facility_id, 'called', now() FROM screening_invitation
WHERE facility_id IS NOT NULL AND sent_on IS NOT NULL AND kind IN ('call', 'recall')
ON CONFLICT (patient_id, facility_id, basis) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0005_called"),
        ("screening", "0009_rejecting_takes_two"),
    ]

    operations = [migrations.RunSQL(GIVE, migrations.RunSQL.noop)]

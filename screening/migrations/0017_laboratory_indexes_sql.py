"""The laboratory's two short lists out of a long table: results to verify, and results that nobody has told yet."""

from django.db import migrations

_FORWARD = """
CREATE INDEX screening_result_unverified ON screening_screeningresult (facility_id, collected_on, observation_id)
WHERE status = 'preliminary' OR outcome = 'unclassified';
CREATE INDEX screening_result_untold ON screening_screeningresult (facility_id, hold_until, observation_id)
WHERE released_on IS NULL AND hold_until IS NOT NULL;
"""
_BACKWARD = "DROP INDEX screening_result_untold; DROP INDEX screening_result_unverified;"


class Migration(migrations.Migration):
    dependencies = [("screening", "0016_staged_imports")]

    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]

"""Celery as it runs outside the tests, but on their database and queue: ``-m tests.journeys.celery_process worker``.

What is due every few seconds or minutes is due every second, so that nobody waits.
"""

import json
import os
import sys
from datetime import timedelta


def main() -> None:
    """Run Celery's command line with the settings that the test put into the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
    from django.conf import settings

    given = json.loads(os.environ["HEALTHHUB_TEST_SETTINGS"])
    settings.DATABASES["default"]["NAME"] = given["database"]
    settings.CELERY_TASK_DEFAULT_QUEUE = given["queue"]
    settings.CACHES["default"]["KEY_FUNCTION"] = lambda key, prefix, version: given["cache"] + key
    settings.MEDIA_ROOT = given["media"]
    settings.CELERY_BEAT_SCHEDULE = {
        name: entry | {"schedule": timedelta(seconds=1)}
        for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
        if isinstance(entry["schedule"], timedelta)
    }
    from healthhub.celery import app

    app.start(sys.argv[1:])


if __name__ == "__main__":
    main()

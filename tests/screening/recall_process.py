"""A night's run as a process of its own, slow enough to be killed: ``-m tests.screening.recall_process 2024-05-06``."""

import os
import sys
import time
from datetime import date
from unittest.mock import patch


def main() -> None:
    """Carry on the night's run in the database that the environment names, one step a transaction, with rests."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["HEALTHHUB_TEST_DATABASE"]
    import django

    django.setup()
    from screening.recall import run

    def rest() -> bool:
        time.sleep(0.03)  # so that the killer finds it between two steps, or in one
        return False

    with patch.object(run, "SECONDS", 0.0):
        run.carry_on(run.start_run(date.fromisoformat(sys.argv[1])), stop=rest)


if __name__ == "__main__":
    main()

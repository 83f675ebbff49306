"""A night's run as a process of its own, slow enough to be killed: ``-m tests.screening.recall_process 2024-05-06``."""

import os
import sys
import time
from datetime import date


def main() -> None:
    """Carry on the night's run in the database that the environment names, one step a transaction, with rests."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["HEALTHHUB_TEST_DATABASE"]
    import django

    django.setup()
    from screening.recall import run

    run.SECONDS = 0.0  # type: ignore[misc]

    def rest() -> bool:
        time.sleep(0.03)
        return False

    run.carry_on(run.start_run(date.fromisoformat(sys.argv[1])), stop=rest)


if __name__ == "__main__":
    main()

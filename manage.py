#!/usr/bin/env python3
"""Django's command line for HealthHub. `healthhub/embedded` has the servers that it starts when there are none."""

import os
import sys


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
    if len(sys.argv) > 1 and sys.argv[1] in {"build_assets", "translations"}:  # need no database
        os.environ.setdefault("HEALTHHUB_NO_SERVICES", "1")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

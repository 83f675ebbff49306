"""`manage.py check_beat`: whether the scheduler does its work, for a container's health check."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

PATIENCE = timedelta(minutes=10)  # something is due every minute, and beat writes down its runs every three


class Command(BaseCommand):
    """Reads what beat wrote down, so it sees a beat that lives but hangs."""

    help = "Fails when no scheduled task was sent in the last ten minutes."

    def handle(self, **options: object) -> None:
        last = PeriodicTask.objects.aggregate(last=Max("last_run_at"))["last"]
        if last is None or last < timezone.now() - PATIENCE:
            raise CommandError(f"The last task was sent at {last}.")

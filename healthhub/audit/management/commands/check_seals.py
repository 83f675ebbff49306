"""`manage.py check_seals`: whether the access log still agrees with its seals."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum

from healthhub.audit.models import AccessSeal
from healthhub.audit.seals import broken_seals


class Command(BaseCommand):
    """Reads the whole log, so it takes its time; changes nothing. Ends with 1 if a seal is broken."""

    help = "Check that no entry of the access log was changed, removed or added behind its seal."

    def handle(self, *args: Any, **options: Any) -> None:
        """Name the first broken seal, or say how much is intact and the last digest, to be kept elsewhere."""
        if broken := broken_seals():
            first = broken[0]
            since = f"{first.sealed_at:%Y-%m-%d %H:%M} UTC"
            between = f"transactions {first.after_transaction} to {first.up_to_transaction}"
            raise CommandError(
                f"{len(broken)} seals are broken, the first is number {first.pk} of {since}: "
                f"the entries of {between} are not those that were sealed."
            )
        seals = AccessSeal.objects.aggregate(entries=Sum("entries"))
        last = AccessSeal.objects.order_by("-id").first()
        sealed = f"seal {last.pk}, digest {last.digest}" if last else "no seal yet"
        self.stdout.write(f"{seals['entries'] or 0} sealed entries are intact ({sealed}).")

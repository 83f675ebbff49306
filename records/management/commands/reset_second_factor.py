"""manage.py reset_second_factor EMAIL: for somebody who has lost telephone, passkeys and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from healthhub.accounts.actors import system_actor
from healthhub.accounts.models import User
from healthhub.accounts.sessions import end_sessions
from healthhub.audit.log import record_access


class Command(BaseCommand):
    """Takes the second factors away and ends all sessions; the next sign-in, by password, sets up new ones.

    Only for whoever has shown her papers to the person at the keyboard: until then the password alone opens the set-up.
    """

    help = "Take away an account's second factors, so that its owner sets up new ones at the next sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The account."""
        parser.add_argument("email")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Say what was taken away, and log it."""
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"There is no account {options['email']}.")
        taken, _each = Authenticator.objects.filter(user=user).delete()
        ended = end_sessions(user)
        record_access(
            actor=system_actor("reset_second_factor"),
            action="second-factor-reset",
            patients=[None],
            resource_type="User",
            resource_id=str(user.pk),
        )
        self.stdout.write(f"{user.email}: {taken} second factors taken away, {ended} sessions ended.")

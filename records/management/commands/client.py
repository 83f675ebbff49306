"""Registering software and apps: add, rotate (a new secret), revoke, list."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from oauth2_provider.models import Application

from healthhub.accounts.actors import Role
from healthhub.accounts.oauth.clients import add_client, revoke_client, rotate_secret
from healthhub.accounts.oauth.models import Client, Kind
from healthhub.accounts.oauth.scopes import BadScope, is_data, parse
from healthhub.accounts.oauth.validator import CONTEXT_SCOPES
from records.access import RecordPolicy
from records.models import Facility, Membership


class Command(BaseCommand):
    """`manage.py client add|rotate|revoke|list`; see docs/operations.md."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="register software of a facility, or an app for clinicians or citizens")
        add.add_argument("client_id")
        add.add_argument("--name", required=True, help="as people read it on the consent page")
        add.add_argument("--kind", required=True, choices=Kind.values)
        add.add_argument("--facility", default="", help="code of the facility that answers for it")
        add.add_argument("--auditor", action="store_true", help="software that reads the access log, of no facility")
        add.add_argument("--scope", action="append", required=True, help="all that it may ever ask for; repeatable")
        add.add_argument("--redirect", action="append", default=[], help="where an app gets its codes; repeatable")
        add.add_argument("--public", action="store_true", help="an app that cannot keep a secret")
        add.add_argument("--jwks-file", type=Path, help="its public keys, for private_key_jwt")
        add.add_argument("--jwks-url", default="", help="where its public keys are")
        add.add_argument("--launch-url", default="", help="where it is opened from a person's page")
        rotate = actions.add_parser("rotate", help="give it a new secret; the one before works for a while")
        rotate.add_argument("client_id")
        rotate.add_argument("--hours", type=float, default=24)
        actions.add_parser("revoke", help="shut it out for good").add_argument("client_id")
        actions.add_parser("list", help="who they are and when they were last here")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "list":
            self._list()
        elif action == "add":
            self._add(options)
        elif not Client.objects.filter(application__client_id=options["client_id"]).exists():
            raise CommandError(f"There is no client {options['client_id']}.")
        elif action == "revoke":
            revoke_client(options["client_id"])
            self.stdout.write("Revoked.")
        elif Client.objects.filter(application__client_id=options["client_id"], revoked_at__isnull=False).exists():
            raise CommandError("It was revoked. Register it anew under another id.")
        else:
            self._tell(rotate_secret(options["client_id"], window=timedelta(hours=options["hours"])))

    def _add(self, options: dict[str, Any]) -> None:
        kind = Kind(options["kind"])
        facility = Facility.objects.filter(code=options["facility"]).first() if options["facility"] else None
        if options["facility"] and not facility:
            raise CommandError(f"There is no facility with the code {options['facility']}.")
        if options["auditor"] and (kind != Kind.SERVICE or facility):
            raise CommandError("--auditor goes with --kind service and without a facility.")
        if kind != Kind.CITIZEN and not facility and not options["auditor"]:
            raise CommandError("Name the facility that answers for it: --facility CODE.")
        if kind != Kind.SERVICE and not options["redirect"]:
            raise CommandError("An app needs an address that it gets its codes at: --redirect URL.")
        for address in (*options["redirect"], options["launch_url"], options["jwks_url"]):
            self._check_address(address)
        try:
            unknown = [one for one in options["scope"] if not _is_known(one)]
            if unknown:
                raise CommandError(f"This server knows no such scope: {', '.join(unknown)}.")
            with transaction.atomic():
                secret = add_client(
                    options["client_id"],
                    name=options["name"],
                    kind=kind,
                    scopes=options["scope"],
                    facility=facility.pk if facility else "",
                    redirects=options["redirect"],
                    public=options["public"],
                    jwks=json.loads(options["jwks_file"].read_text()) if options["jwks_file"] else None,
                    jwks_url=options["jwks_url"],
                    launch_url=options["launch_url"],
                )
                if kind == Kind.SERVICE:
                    role = Role.AUDITOR if options["auditor"] else Role.CLIENT
                    Membership.objects.create(
                        client_id=options["client_id"], role=role.value, facility_id=facility.pk if facility else None
                    )
        except (BadScope, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        except IntegrityError as error:
            raise CommandError(f"There is a client {options['client_id']} already.") from error
        self._tell(secret)

    def _check_address(self, address: str) -> None:
        parts = urlsplit(address)
        at_home = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if address and (parts.fragment or not (parts.scheme == "https" or (parts.scheme == "http" and at_home))):
            raise CommandError(f"{address} must be an https address without a fragment.")

    def _tell(self, secret: str) -> None:
        self.stdout.write(f"Secret, shown this once: {secret}" if secret else "Registered; it has no secret.")

    def _list(self) -> None:
        for client in Client.objects.select_related("application").order_by("application__client_id"):
            application: Application = client.application
            facility = Facility.objects.filter(pk=client.facility).values_list("name", flat=True).first()
            used = f"{client.last_used_at:%Y-%m-%d %H:%M}" if client.last_used_at else "never used"
            state = "revoked" if client.revoked_at else "open"
            line = [application.client_id, client.kind, state, used, facility or "", application.name, client.scopes]
            self.stdout.write("\t".join(line))


def _is_known(scope: str) -> bool:
    return RecordPolicy().knows_scope(parse(scope)) if is_data(scope) else scope in CONTEXT_SCOPES

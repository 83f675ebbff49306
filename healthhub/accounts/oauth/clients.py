"""Registering software, changing its secret without an interruption, shutting it out."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from healthhub.accounts.oauth.models import Authorisation, Client, Kind
from healthhub.accounts.oauth.scopes import normalised


def add_client(
    client_id: str,
    *,
    name: str,
    kind: Kind,
    scopes: Iterable[str],
    facility: str = "",
    redirects: Iterable[str] = (),
    public: bool = False,
    secret: str = "",
    **more: Any,
) -> str:
    """Register a client; answers its secret, which nobody can read again ("" for one with none).

    ``more`` are ``jwks``, ``jwks_url`` and ``launch_url`` of ``Client``. Raises ``BadScope``.
    """
    by_key = bool(more.get("jwks") or more.get("jwks_url"))
    secret = secret or secrets.token_urlsafe(32)
    service = kind == Kind.SERVICE
    with transaction.atomic():
        application = Application.objects.create(
            client_id=client_id,
            name=name,
            client_type=Application.CLIENT_PUBLIC if public else Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=(
                Application.GRANT_CLIENT_CREDENTIALS if service else Application.GRANT_AUTHORIZATION_CODE
            ),
            client_secret=secret,  # stored hashed
            redirect_uris=" ".join(redirects),
            algorithm=Application.NO_ALGORITHM if service else Application.RS256_ALGORITHM,
        )
        Client.objects.create(
            application=application, kind=kind, facility=facility, scopes=" ".join(normalised(scopes)), **more
        )
    return "" if public or by_key else secret


def rotate_secret(client_id: str, *, window: timedelta) -> str:
    """A new secret; the one before works for ``window`` more, so that the software can be changed in between."""
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        client = Client.objects.select_for_update().select_related("application").get(application__client_id=client_id)
        client.former_secret = client.application.client_secret
        client.former_secret_until = timezone.now() + window
        client.save(update_fields=["former_secret", "former_secret_until"])
        client.application.client_secret = secret
        client.application.save(update_fields=["client_secret", "updated"])
    return secret


def revoke_client(client_id: str) -> None:
    """Shut a client out for good, with all that people let it do."""
    now = timezone.now()
    with transaction.atomic():
        client = Client.objects.select_for_update().get(application__client_id=client_id)
        Client.objects.filter(pk=client.pk, revoked_at=None).update(revoked_at=now)
        mine = {"application_id": client.application_id}
        Authorisation.objects.filter(**mine, ended_at=None).update(ended_at=now)
        RefreshToken.objects.filter(**mine, revoked=None).update(revoked=now)
        AccessToken.objects.filter(**mine).delete()
        Grant.objects.filter(**mine).delete()


def end_authorisations(ids: Iterable[int]) -> None:
    """Take back what people let apps do: their tokens open nothing any more."""
    now = timezone.now()
    with transaction.atomic():
        ended = list(Authorisation.objects.select_for_update().filter(pk__in=list(ids), ended_at=None))
        Authorisation.objects.filter(pk__in=[one.pk for one in ended]).update(ended_at=now)
        families = [one.family for one in ended if one.family]
        RefreshToken.objects.filter(token_family__in=families, revoked=None).update(revoked=now)
        AccessToken.objects.filter(token_checksum__in=[one.token for one in ended if one.token]).delete()

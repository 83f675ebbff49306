"""Secrets at rest: what must be read again (unlike a password) lies encrypted in the database.

The key is derived from ``SECRET_KEY`` by HKDF (RFC 5869) under a label of its own, so a stolen database alone opens
nothing. After a change of ``SECRET_KEY`` the former one stays readable as long as it is in ``SECRET_KEY_FALLBACKS``.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

__all__ = ["InvalidToken", "decrypt", "encrypt"]


def encrypt(text: str, *, purpose: str) -> str:
    """The text, readable only with this installation's key; ``purpose`` keeps kinds of secrets apart."""
    return _keys(purpose).encrypt(text.encode()).decode()


def decrypt(encrypted: str, *, purpose: str) -> str:
    """What ``encrypt`` was given. Raises ``InvalidToken`` under another key."""
    return _keys(purpose).decrypt(encrypted.encode()).decode()


def _keys(purpose: str) -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(secret, purpose)) for secret in secrets])


def _derived(secret: str | bytes, purpose: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"healthhub.{purpose}".encode())
    return base64.urlsafe_b64encode(key.derive(secret.encode() if isinstance(secret, str) else secret))

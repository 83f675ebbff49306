"""The RSA key that id tokens are signed with, by which apps know that they come from here."""

import os
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def private_key(folder: Path) -> str:
    """A key in PEM form: ``OIDC_RSA_PRIVATE_KEY``, or one made once for this machine and kept in the folder.

    Processes on several machines must share one by the environment variable.
    """
    if pem := os.environ.get("OIDC_RSA_PRIVATE_KEY"):
        return pem.replace("\\n", "\n")
    path = folder / "signing_key.pem"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text()

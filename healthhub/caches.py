"""Where what all processes must know at once is kept: rate limits and codes that were used."""

from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured

DATABASE = 1  # beside Celery's queue, which is in 0


def url_beside(broker: str) -> str:
    """The cache's address on the server of a Redis or Valkey queue, in its database 1.

    A password in the address stays in it. Raises ImproperlyConfigured for another kind of queue: then CACHE_URL must
    name a server.
    """
    parts = urlsplit(broker)
    if parts.scheme == "redis+socket":
        secret = "".join(f"&password={word}" for word in parse_qs(parts.query).get("password", []))
        return f"unix://{parts.path}?db={DATABASE}{secret}"
    if parts.scheme in ("redis", "rediss", "valkey", "valkeys"):
        return parts._replace(scheme=parts.scheme.replace("valkey", "redis"), path=f"/{DATABASE}").geturl()
    raise ImproperlyConfigured("Set CACHE_URL to a Valkey or Redis: this queue cannot count sign-ins.")

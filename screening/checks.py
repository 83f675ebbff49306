"""Found when the server starts: a protocol file that must not take effect."""

from typing import Any

from django.core.checks import CheckMessage, Error

from screening.protocol import ProtocolError, protocols


def check_protocols(**_of: Any) -> list[CheckMessage]:
    """An error for each fault of the files in ``screening/protocols``, with its place."""
    try:
        protocols()
    except ProtocolError as faults:
        return [Error(fault, id="screening.E001") for fault in str(faults).splitlines()]
    return []

"""A person with a telephone, and messages to her."""

from typing import Any

from healthhub.accounts.actors import SYSTEM
from records.models import Facility
from screening.messages import Outgoing, queue
from screening.models import Message
from tests.screening.conftest import make_patient

NUMBER = "+84912345678"
PHONE = [{"system": "phone", "value": NUMBER}]
EMAIL = [{"system": "email", "value": "duc@example.vn"}]


def person(station: Facility, telecom: Any = PHONE, **extra: Any) -> str:
    """The id of a man with these contacts."""
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", telecom=telecom, **extra)


def invite(patient: str, count: int = 1, facility: str | None = None) -> None:
    """Queue so many invitations."""
    rows = [
        Outgoing(patient, "invitation", f"campaign/{patient}/{number}", programme="colorectal", facility=facility)
        for number in range(count)
    ]
    assert queue(rows, actor=SYSTEM) == count


def states() -> list[tuple[str, str, str]]:
    """Channel, state and reason of all messages, oldest first."""
    return list(Message.objects.order_by("id").values_list("channel", "state", "reason"))

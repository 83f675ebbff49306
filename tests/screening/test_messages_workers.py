"""Workers that die between two steps, that are slow, and that work at once: no message is lost or doubled."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from fhir.models import Resource
from records.models import Facility
from screening.messages import sending
from screening.messages.gateways.smsgateway import SmsGateway
from screening.messages.sending import HANDFUL, claim, sweep
from screening.models import Message
from tests.screening.gateway_room import invite, person, states
from tests.screening.local_gateways import Office

pytestmark = pytest.mark.usefixtures("noon")


class Killed(BaseException):
    """The worker's process is gone."""


class DiesAfterSending(SmsGateway):
    """Hands over, and never comes back."""

    def send(self, parcel: Any) -> Any:
        super().send(parcel)
        raise Killed


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_sending_and_recording_costs_no_message_and_doubles_none(
    station: Facility, sms: Office
) -> None:
    invite(person(station))
    with pytest.raises(Killed):
        sweep(gateways={"sms": DiesAfterSending(url=sms.url, token="", sender="HealthHub")})
    assert states() == [("sms", "sending", "")]
    assert sweep() == {}  # the claim still holds
    Message.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    assert sweep() == {"sent": 1}
    # Handed over twice under one key: the gateway delivered once.
    assert (len(sms.taken), len(sms.delivered)) == (2, 1)
    assert Message.objects.get().attempts == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_nothing_twice(station: Facility, sms: Office) -> None:
    invite(person(station), count=HANDFUL * 4)
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            sweep()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(sms.taken) == HANDFUL * 4
    assert {state for _, state, _ in states()} == {"sent"}
    assert Resource.objects.filter(type="Communication").count() == HANDFUL * 4


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_too_slow_does_not_send_what_another_took_over(station: Facility, sms: Office) -> None:
    invite(person(station))
    (slow,) = claim("sms", 1)
    Message.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    assert sweep() == {"sent": 1}
    assert sending._send_all([slow], SmsGateway(url=sms.url, token="", sender="")) == []
    assert len(sms.taken) == 1

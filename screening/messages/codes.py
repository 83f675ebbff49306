"""Sign-in codes, at once and at any hour, to the person alone.

Not through the outbox: that keeps each text, waits for the day and tries for hours, and a code must do none of it.
"""

from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from healthhub.accounts.one_time import send_codes_by
from records.models import Citizen
from screening.messages.gateways import Delivered, Parcel, gateway_for
from screening.messages.segments import without_diacritics
from screening.models import BadContact
from screening.models.messages import Channel, EmailAddress


def send_code(patient: str, code: str, language: str) -> bool:
    """Send it by SMS, else by e-mail; False if neither reaches her."""
    for channel, address in _ways(patient):
        with gateway_for(channel) as gateway:
            if isinstance(gateway.send(_parcel(address, code, language)), Delivered):
                return True
    return False


def _ways(patient: str) -> list[tuple[str, str]]:
    """The person's own telephone and mailbox, as the register has them.

    What several people share proves nothing about which of them holds it, and what was found wrong is somebody else's.
    """
    citizen = Citizen.objects.get(pk=patient)
    living = Citizen.objects.filter(active=True, deceased=False).exclude(pk=patient)
    mail = EmailAddress.objects.filter(patient_id=patient).values_list("address", flat=True).first() or ""
    shared = {
        Channel.SMS: living.filter(phone=citizen.phone).exists(),
        Channel.EMAIL: EmailAddress.objects.filter(address__iexact=mail).exclude(patient_id=patient).exists(),
    }
    wrong = set(
        BadContact.objects.filter(patient_id=patient, cleared_at__isnull=True).values_list("channel", "address")
    )
    ways = [(Channel.SMS, citizen.phone), (Channel.EMAIL, mail)]
    return [way for way in ways if way[1] and not shared[way[0]] and way not in wrong]


def _parcel(address: str, code: str, language: str) -> Parcel:
    with override(language):
        text = _("HealthHub: mã đăng nhập %(code)s, dùng trong 5 phút. Không đưa cho ai.") % {"code": code}
        subject = _("Mã đăng nhập HealthHub")
    short = without_diacritics(text) if settings.MESSAGES["sms_plain"] else text
    key = f"hh-code-{uuid4().hex}"
    return Parcel(
        key=key, kind="sign_in_code", language=language, address=address, short=short, subject=subject, body=text
    )


send_codes_by(send_code)

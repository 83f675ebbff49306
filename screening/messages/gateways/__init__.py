"""Ways out of the house, one for each channel; settings say which. Letters go by ``screening.messages.letters``."""

from typing import Any

from django.conf import settings

from screening.messages.gateways.files import FileGateway
from screening.messages.gateways.shapes import Delivered, Gateway, Later, Never, Outcome, Parcel
from screening.messages.gateways.smsgateway import SmsGateway
from screening.messages.gateways.smtp import SmtpGateway
from screening.messages.gateways.zalo import ZaloGateway
from screening.models.messages import Channel

__all__ = ["Delivered", "Gateway", "Later", "Never", "Outcome", "Parcel", "gateway_for"]


def gateway_for(channel: str) -> Gateway:
    """The gateway of a channel; without an address in the settings, the one that writes into files."""
    config: dict[str, Any] = settings.MESSAGES
    if channel == Channel.SMS and config["sms_url"]:
        return SmsGateway(url=config["sms_url"], token=config["sms_token"], sender=config["sms_sender"])
    if channel == Channel.ZALO and config["zalo_url"]:
        return ZaloGateway.of(config["zalo_url"], config["zalo_token"], config["zalo_templates"])
    if channel == Channel.EMAIL and settings.EMAIL_HOST:
        return SmtpGateway()
    return FileGateway(channel, console=config["console"])

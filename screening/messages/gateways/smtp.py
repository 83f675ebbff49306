"""E-mail by SMTP (Django's settings EMAIL_*)."""

import smtplib
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from screening.messages.gateways.shapes import Delivered, Later, Never, Outcome, Parcel


class SmtpGateway:
    """One connection for many messages. The ``Message-ID`` is made of the message's key: a second try after a crash is
    the same letter to mail programs, though a server may store both."""

    def __init__(self) -> None:
        self.backend = EmailBackend()
        self.host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, parcel: Parcel) -> Outcome:
        """Hand one e-mail over."""
        message_id = f"<{parcel.key}@{self.host}>"
        headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
        mail = EmailMessage(parcel.subject, parcel.body, to=[parcel.address], headers=headers)
        try:
            self.backend.open()
            self.backend.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code, _said = next(iter(error.recipients.values()))
            return Later(f"smtp:{code}") if code < 500 else Never(f"smtp:{code}", bad_address=code in (550, 551, 553))
        except smtplib.SMTPDataError as error:
            return Later(f"smtp:{error.smtp_code}") if error.smtp_code < 500 else Never(f"smtp:{error.smtp_code}")
        except smtplib.SMTPResponseException as error:
            self._hang_up()
            return Later(f"smtp:{error.smtp_code}", pause=60)
        except (smtplib.SMTPException, OSError):
            self._hang_up()
            return Later("unreachable", pause=30)
        except ValueError:
            return Never("unwritable", bad_address=True)
        return Delivered(message_id[:128])

    def _hang_up(self) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self.backend.close()
        self.backend.connection = None

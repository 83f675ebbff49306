"""Planning sessions, booking, waiting, closing a day."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.appointments.offers import bookable_services
from screening.appointments.planning import MOST_WEEKS, Plan, slot_times
from screening.appointments.shapes import Service
from screening.forms.fields import DayField, LineField, offer
from screening.models.appointments import Appointment, OpenTo

TIME_FORMS = ("%H:%M", "%Hh%M", "%H.%M", "%H%M", "%Hh")


class TimeField(forms.TimeField):
    """A time of day, written 08:30 or 8h30."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TimeInput(format="%H:%M", attrs={"inputmode": "numeric", "autocomplete": "off", "size": 6})
        errors = {"required": _("Hãy nhập giờ."), "invalid": _("Giờ phải có dạng giờ:phút, ví dụ 08:30.")}
        defaults: dict[str, Any] = {"widget": widget, "input_formats": TIME_FORMS, "error_messages": errors}
        super().__init__(**(defaults | options))


class SessionForm(forms.Form):
    """One session, or the same weekday for some weeks."""

    service = forms.ChoiceField(label=_("Dịch vụ"))
    day = DayField(label=_("Ngày đầu tiên"))
    starts = TimeField(label=_("Từ"), initial="08:00")
    ends = TimeField(label=_("Đến"), initial="11:00")
    minutes = forms.IntegerField(label=_("Mỗi lượt, phút"), min_value=5, max_value=480, initial=30)
    places = forms.IntegerField(label=_("Số chỗ mỗi lượt"), min_value=1, max_value=500, initial=1)
    weeks = forms.IntegerField(label=_("Lặp lại hằng tuần, số tuần"), min_value=1, max_value=MOST_WEEKS, initial=1)
    open_to = forms.ChoiceField(
        label=_("Ai được đặt chỗ"), choices=OpenTo.choices, initial=OpenTo.STAFF, widget=forms.RadioSelect
    )
    place = LineField(label=_("Nơi khám, lời dặn"), required=False, max_length=500)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(service_key(service), name) for service, name in bookable_services()]
        offer(self, "service", choices)

    def clean_day(self) -> date:
        """From today on, and not, by a slip of the hand, in two years."""
        day: date = self.cleaned_data["day"]
        if not timezone.localdate() <= day <= timezone.localdate() + timedelta(days=366):
            raise forms.ValidationError(_("Ngày phải từ hôm nay và trong vòng một năm tới."))
        return day

    def clean(self) -> dict[str, Any]:
        """At least one slot must fit."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not slot_times(self.plan()):
            self.add_error("ends", _("Từ giờ này đến giờ này không đủ cho một lượt."))
        return data

    def plan(self) -> Plan:
        """What to make."""
        data = {key: value for key, value in self.cleaned_data.items() if key != "service"}
        return Plan(service=service_of_key(self.cleaned_data["service"]) or Service(""), **data)


class ChangeSessionForm(forms.Form):
    """What of a session can change while people are in it."""

    places = forms.IntegerField(label=_("Số chỗ mỗi lượt"), min_value=1, max_value=500)
    open_to = forms.ChoiceField(label=_("Ai được đặt chỗ"), choices=OpenTo.choices, widget=forms.RadioSelect)
    place = LineField(label=_("Nơi khám, lời dặn"), required=False, max_length=500)


class ClosedDayForm(forms.Form):
    """A day on which nothing is planned."""

    day = DayField(label=_("Ngày nghỉ"))
    note = LineField(label=_("Lý do"), required=False, max_length=200)


class CancelForm(forms.Form):
    """Why an appointment is cancelled."""

    reason = forms.ChoiceField(
        label=_("Lý do hủy"),
        widget=forms.RadioSelect,
        choices=[
            ("person", _("Người này không đến được hoặc không muốn")),
            ("facility", _("Cơ sở không phục vụ được (người này sẽ được báo)")),
            ("clinical", _("Không còn cần, theo bác sĩ")),
        ],
    )


class WaitForm(forms.Form):
    """Which days suit somebody who waits for a place."""

    wanted_from = DayField(label=_("Có thể đến từ ngày"), required=False)
    wanted_to = DayField(label=_("Đến ngày"), required=False)

    def clean(self) -> dict[str, Any]:
        """The first before the last."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = data.get("wanted_from"), data.get("wanted_to")
        if first and last and last < first:
            self.add_error("wanted_to", _("Ngày này ở trước ngày đầu."))
        return data


class CloseDayForm(forms.Form):
    """What became of everybody whose attendance is still open."""

    CHOICES = (
        ("fulfilled", _("Đã đến, đã xong")),
        ("noshow", _("Không đến")),
    )

    def __init__(self, *args: Any, people: list[Appointment], **options: Any) -> None:
        super().__init__(*args, **options)
        for one in people:
            came = one.status in ("arrived", "checked-in")
            self.fields[one.pk] = forms.ChoiceField(
                label=one.patient.full_name,
                choices=self.CHOICES,
                widget=forms.RadioSelect,
                initial="fulfilled" if came else "noshow",
            )


def service_key(service: Service) -> str:
    """A service in an address or a form."""
    return ".".join((service.kind, service.programme, service.step)).rstrip(".")


def service_of_key(text: str) -> Service | None:
    """The service that a key means; None if there is none such."""
    parts = [*text.split("."), "", ""][:3]
    wanted = Service(*parts)
    return wanted if wanted in dict(bookable_services()) else None

"""Messages: what was sent to a person (staff, and she herself), wishes, and the page that a link leads to."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from healthhub.accounts.actors import Role, system_actor
from healthhub.audit.log import record_access
from records.identity import identity
from records.models import Citizen
from records.sections import Section, register_section
from records.views.guards import CLINIC, ActingRequest, for_everybody, for_roles
from screening.forms.messages import PreferenceForm
from screening.messages import Outgoing, queue
from screening.messages.bad_contacts import clear, report
from screening.messages.log import bad_contacts, messages_to, undelivered
from screening.messages.outbox import resend
from screening.messages.preferences import mark_opened, preference_of, report_not_me, set_preference
from screening.messages.words import SOURCES, reason_words
from screening.models.messages import EmailAddress, Message, MessageKind
from screening.views.desk import facility_of, person_of

PAGE = 20
STRANGER = system_actor("recipient")


@for_roles(*CLINIC)
@require_GET
def unreached(request: ActingRequest) -> HttpResponse:
    """People whom no message has reached: somebody must go, or ask."""
    facility_of(request)
    after = request.GET.get("after", "")
    found = undelivered(actor=request.actor, after=int(after) if after.isdecimal() else None, limit=PAGE)
    page = found[:PAGE]
    if page:
        record_access(
            actor=request.actor,
            action="find",
            patients=[one.patient_id for one in page],
            resource_type="Communication",
            reason=request.path,
        )
    context = {
        "lines": [{"message": one, "reason": reason_words(one.reason)} for one in page],
        "next_page": f"?after={page[-1].pk}" if len(found) > PAGE else "",
        "first_page": "?" if after else "",
    }
    return render(request, "clinic/messages.html", context)


@for_roles(*CLINIC)
@require_GET
def of_person(request: ActingRequest, patient_id: str) -> HttpResponse:
    """What was sent to her, and which contacts were found wrong."""
    facility_of(request)
    citizen = person_of(request, patient_id)
    context = {
        "person": identity(citizen, with_area=False),
        "lines": messages_to(patient_id),
        "bad": [{"note": one, "source": SOURCES.get(one.source, "")} for one in bad_contacts(patient_id)],
        "wish": preference_of(patient_id),
        "email": EmailAddress.objects.filter(pk=patient_id).values_list("address", flat=True).first() or "",
    }
    return render(request, "clinic/messages_person.html", context)


@for_roles(*CLINIC)
@require_POST
def act(request: ActingRequest, patient_id: str) -> HttpResponse:
    """Send once more, ask her to get in touch, or note a contact as wrong or right."""
    facility = facility_of(request)
    person_of(request, patient_id)
    action = request.POST.get("action", "")
    if action == "contact_us":
        about = f"contact/{patient_id}/{timezone.localdate()}"  # once a day
        row = Outgoing(patient_id, MessageKind.CONTACT_US, about, facility=facility.pk)
        _tell(request, queue([row], actor=request.actor))
    elif action in ("resend", "wrong"):
        number = request.POST.get("message", "")
        mine = Message.objects.filter(patient_id=patient_id, pk=int(number) if number.isdecimal() else 0)
        message = get_object_or_404(mine)
        if action == "resend":
            _tell(request, resend(message.pk, actor=request.actor))
        else:
            reason = "returned" if message.channel == "letter" else "wrong_number"
            report(
                patient=patient_id,
                channel=message.channel,
                address=message.address,
                source="staff",
                reason=reason,
                actor=request.actor,
            )
            messages.success(request, _("Đã ghi: địa chỉ này không dùng được. Tin sau sẽ đi cách khác."))
    elif action == "clear":
        clear(patient=patient_id, address=request.POST.get("address", ""), actor=request.actor)
        messages.success(request, _("Đã ghi: địa chỉ này dùng được."))
    return redirect("clinic-person-messages", patient_id)


@for_roles(Role.CITIZEN)
@require_GET
def mine(request: ActingRequest) -> HttpResponse:
    """What was sent to me; a link's token says that I opened it."""
    patient = _me(request)
    if token := request.GET.get("m", ""):
        mark_opened(patient=patient, token=token[:32])
        return redirect("me-messages")
    record_access(
        actor=request.actor, action="view", patients=[patient], resource_type="Communication", reason=request.path
    )
    return render(request, "screening/me_messages.html", {"lines": messages_to(patient)})


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def preferences(request: ActingRequest) -> HttpResponse:
    """How I want to be written to."""
    patient = _me(request)
    wish = preference_of(patient)
    initial = {
        "channel": wish.channel,
        "zalo": wish.zalo,
        "language": wish.language,
        "no_messages": wish.no_messages,
    }
    form = PreferenceForm(request.POST or None, initial=initial, known=_known(patient))
    if form.is_valid():
        set_preference(patient=patient, actor=request.actor, **form.cleaned_data)
        messages.success(request, _("Đã lưu. Từ nay chúng tôi liên lạc với bạn theo cách này."))
        return redirect("me-messages")
    return render(request, "screening/me_messages_preferences.html", {"form": form})


@for_everybody
@require_GET
def arrive(request: Any, token: str) -> HttpResponse:
    """Where every link and QR code leads. The page is the same for every token and says nothing of anybody."""
    onward = f"{reverse('me-messages')}?{urlencode({'m': token})}"
    if request.actor is not None and request.actor.role is Role.CITIZEN:
        return redirect(onward)
    login = f"{reverse('account_login')}?{urlencode({'next': onward})}"
    answer = render(request, "screening/me_messages_arrive.html", {"login": login, "token": token})
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@for_everybody
@require_POST
def not_me(request: Any, token: str) -> HttpResponse:
    """Whoever got the message says that it is not for them. The answer is the same for every token."""
    report_not_me(token=token, actor=request.actor or STRANGER)
    return render(request, "screening/me_messages_thanks.html")


def register() -> None:
    """Put the way to messages and wishes on the citizen's home; called when the addresses are read."""
    section = Section("screening/me_messages_section.html", lambda patient, actor: {}, order=90, codes=set)
    register_section(section)


def _known(patient: str) -> dict[str, str]:
    """The ways that are known, with the address as far as she needs to know it."""
    person = Citizen.objects.only("phone", "address_text").get(pk=patient)
    email = EmailAddress.objects.filter(pk=patient).values_list("address", flat=True).first()
    ways = {"sms": person.phone, "zalo": person.phone, "email": email, "letter": person.address_text}
    return {channel: address for channel, address in ways.items() if address}


def _me(request: ActingRequest) -> str:
    if request.actor.patient is None:
        raise Http404
    return request.actor.patient


def _tell(request: ActingRequest, queued: int) -> None:
    if queued:
        messages.success(request, _("Tin đã được xếp để gửi."))
    else:
        messages.warning(
            request, _("Không gửi được: không có cách liên lạc nào dùng được, hoặc người này không muốn nhận.")
        )

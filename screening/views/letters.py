"""Batches of letters: of the own facility for the clinic, of the department and the alarms of all for an officer."""

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.models import Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.messages import PostedForm
from screening.messages.alarms import alarms
from screening.messages.approval import approved_kinds
from screening.messages.letters import gather, mark_posted, mark_printed, request_print, to_pull
from screening.messages.words import reason_words
from screening.models.messages import BatchStage, LetterBatch, Message, MessageKind, MessageState
from screening.views.desk import facility_of

PAGE = 20
STAFF = (*CLINIC, Role.OFFICER)
ALARM_WORDS = {
    "unposted": gettext_lazy("Đợt thư đã tạo nhưng chưa gửi bưu điện"),
    "ungathered": gettext_lazy("Thư chưa được đưa vào đợt in nào"),
    "stuck": gettext_lazy("Tin không gửi đi được"),
    "held": gettext_lazy("Tin đang bị giữ lại vì nội dung chưa được duyệt"),
}


@for_roles(*STAFF)
@require_GET
def batches(request: ActingRequest) -> HttpResponse:
    """The batches, newest first, what waits for one, and what lies about too long."""
    sender = _sender(request)
    found = _own(request).order_by("-id")
    after = request.GET.get("after", "")
    if after.isdecimal():
        found = found.filter(pk__lt=int(after))
    page = list(found[: PAGE + 1])
    city = request.actor.role is Role.OFFICER
    raised = alarms(facility=None if city else sender)
    names = dict(Facility.objects.filter(pk__in={one.facility for one in raised}).values_list("pk", "name"))
    waiting = Message.objects.filter(
        channel="letter", state=MessageState.QUEUED, facility_id=sender, next_try_at__lte=timezone.now()
    )
    context = {
        "city": city,
        "batches": page[:PAGE],
        "waiting": waiting.count(),
        "alarms": [
            {
                "words": ALARM_WORDS[one.kind],
                "facility": names.get(one.facility or "", ""),
                "count": one.count,
                "since": one.since,
                "texts": one.kind == "held",
                "batch": one.batch if one.facility == sender else None,
            }
            for one in raised
        ],
        "drafts": sorted(set(MessageKind.values) - set(approved_kinds())),
        "held": not settings.DEMO,
        "next_page": f"?after={page[PAGE - 1].pk}" if len(page) > PAGE else "",
        "first_page": "?" if after else "",
    }
    return render(request, "clinic/letters.html", context)


@for_roles(*STAFF)
@require_POST
def make(request: ActingRequest) -> HttpResponse:
    """Put what waits into a batch now."""
    before = set(_own(request).values_list("pk", flat=True))
    gather(facility=_sender(request), everybody=False)
    new = _own(request).exclude(pk__in=before)
    for batch_id in new.values_list("pk", flat=True):
        request_print(batch_id)
    if not new.exists():
        messages.info(request, _("Không có thư nào đang chờ in."))
    return redirect(f"{_room(request)}-letters")


@for_roles(*STAFF)
@require_http_methods(["GET", "POST"])
def batch(request: ActingRequest, batch_id: int) -> HttpResponse:
    """One batch: its file, the pages to take out, and the form that says it was posted."""
    found, room = get_object_or_404(_own(request), pk=batch_id), _room(request)
    pulls = to_pull(found)
    form = PostedForm(request.POST or None, printed_on=timezone.localdate(found.created_at), pulls=bool(pulls))
    postable = found.stage in (BatchStage.READY, BatchStage.PRINTED)
    if postable and form.is_valid():
        count = mark_posted(batch=found, on=form.cleaned_data["on"], actor=request.actor)
        told = ngettext("Đã ghi: %(count)d thư đã gửi.", "Đã ghi: %(count)d thư đã gửi.", count)
        messages.success(request, told % {"count": count})
        return redirect(f"{room}-letters")
    context = {
        "batch": found,
        "urls": {
            "all": reverse(f"{room}-letters"),
            "file": reverse(f"{room}-letters-file", args=[batch_id]),
            "printed": reverse(f"{room}-letters-printed", args=[batch_id]),
        },
        "form": form,
        "postable": postable,
        "pulls": [{"page": one.page, "reference": one.reference, "reason": reason_words(one.reason)} for one in pulls],
    }
    return render(request, "clinic/letters_batch.html", context)


@for_roles(*STAFF)
@require_POST
def printed(request: ActingRequest, batch_id: int) -> HttpResponse:
    """The pile is printed."""
    found = get_object_or_404(_own(request), pk=batch_id)
    mark_printed(batch=found, actor=request.actor)
    return redirect(f"{_room(request)}-letters-batch", batch_id)


@for_roles(*STAFF)
@require_GET
def file(request: ActingRequest, batch_id: int) -> HttpResponseBase:
    """The PDF: names and addresses of everybody in it, so the access is logged for each."""
    found = get_object_or_404(_own(request), pk=batch_id)
    path = Path(settings.MEDIA_ROOT) / found.file
    if not found.file or not path.is_file():
        raise Http404
    patients = Message.objects.filter(batch=found).values_list("patient_id", flat=True)
    record_access(actor=request.actor, action="export", patients=patients, resource_type="Letter", reason=request.path)
    name = f"healthhub-letters-{found.day:%Y%m%d}-{found.pk}.pdf"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="application/pdf")


def _room(request: ActingRequest) -> str:
    return "city" if request.actor.role is Role.OFFICER else "clinic"


def _sender(request: ActingRequest) -> str | None:
    """Whose letters the actor handles: the own facility's, or (None) the department's."""
    return None if request.actor.role is Role.OFFICER else facility_of(request).pk


def _own(request: ActingRequest) -> QuerySet[LetterBatch]:
    return LetterBatch.objects.filter(facility_id=_sender(request)).select_related("facility")

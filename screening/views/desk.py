"""What the clinic's views share: the own facility, a person whom one may see, one of her results."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from healthhub.audit.log import record_access
from records.access import visible_to
from records.models import Citizen, Facility
from records.views.guards import ActingRequest
from screening.models import ScreeningResult
from screening.results import results_of


def facility_of(request: ActingRequest) -> Facility:
    """The facility that the person works at now. Without one there is nobody to see and nothing to enter."""
    facility = Facility.objects.filter(pk=request.actor.facility).first() if request.actor.facility else None
    if facility is None:
        raise PermissionDenied
    return facility


def person_of(request: ActingRequest, patient_id: str) -> Citizen:
    """Somebody whom the facility cares for; the access is logged. 404 for all others, whether they exist or not."""
    people = visible_to(request.actor).select_related("area__parent", "facility")
    citizen = people.filter(pk=patient_id).first()
    if citizen is None:
        raise Http404
    record_access(
        actor=request.actor, action="view", patients=[patient_id], resource_type="Patient", reason=request.path
    )
    return citizen


def result_of(patient_id: str, observation_id: str) -> ScreeningResult:
    """One result of a person whom the view has already found by ``person_of``."""
    result = results_of(patient_id).filter(pk=observation_id).first()
    if result is None:
        raise Http404
    return result

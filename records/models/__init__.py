"""The tables of `records`.

Citizen, Facility, Practitioner and CareRelation('wrote') are derived from stored FHIR resources and can be remade by
`manage.py rebuild`; Area and AreaSuccession are loaded by a migration; Membership, StaffInvitation, Consent,
EmergencyAccess, RecordRequest and CareRelation('presented', 'handed') are truth of their own.

Derived rows point to each other without database constraints (`db_constraint=False`): a Patient may name an
Organization that this server has never been sent, and that must not make its row impossible. Their foreign keys have no
index of their own (`db_index=False`) where a composite one serves.
"""

from records.models.access import CareBasis, CareRelation, Consent, Membership, StaffInvitation
from records.models.areas import Area, AreaKind, AreaSuccession
from records.models.citizens import BirthPrecision, Citizen
from records.models.emergencies import EmergencyAccess, EmergencyReason, Outcome
from records.models.facilities import Facility, Practitioner
from records.models.rights import RecordRequest, RequestKind, RequestState

__all__ = [
    "Area",
    "AreaKind",
    "AreaSuccession",
    "BirthPrecision",
    "CareBasis",
    "CareRelation",
    "Citizen",
    "Consent",
    "EmergencyAccess",
    "EmergencyReason",
    "Facility",
    "Membership",
    "Outcome",
    "Practitioner",
    "RecordRequest",
    "RequestKind",
    "RequestState",
    "StaffInvitation",
]

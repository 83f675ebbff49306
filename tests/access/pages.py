"""Who opens which page: the answer stated by hand, page by page. A page without a line here fails a test.

Names are those of the addresses (`records.urls`, `screening.urls`). Being let in by role is the first of two questions;
the second, about whom or what, is asked in `test_pages_about_people` and `test_pages_of_others`.
"""

from typing import Final

from healthhub.accounts.actors import Role

EVERYBODY: Final = frozenset(Role) - {Role.SYSTEM, Role.CLIENT}
STAFF_OF_FACILITY: Final = frozenset({Role.CLINICIAN, Role.LABORATORY})

_BY_ROLES: Final[dict[frozenset[Role], str]] = {
    # Nobody's data, or the business of whoever holds a link or signs what it sends.
    EVERYBODY | {Role.SYSTEM}: """
        home invitation invitation-open clinic-station-app clinic-station-manifest clinic-station-worker message
        message-not-me gateway-reports
    """,
    EVERYBODY: "roles",
    frozenset({Role.CITIZEN}): """
        me me-record me-record-group me-download me-requests me-request-new me-access me-results me-result
        me-appointments me-appointment-new me-appointment-cancel me-notice-seen me-screening me-screening-undo
        me-screening-decide me-messages me-messages-preferences
    """,
    frozenset({Role.CITIZEN, *STAFF_OF_FACILITY}): "oauth-authorize my-apps",
    STAFF_OF_FACILITY: """
        person-apps person-app-open
        clinic clinic-people clinic-present clinic-register clinic-person clinic-preview clinic-contact
        clinic-result-new clinic-result-correct clinic-result-withdraw clinic-refer clinic-assess
        clinic-step-correct clinic-step-withdraw clinic-close clinic-reopen clinic-closed clinic-closure
        clinic-forgotten         clinic-bulk clinic-bulk-all clinic-bulk-undo clinic-reminder-read
        clinic-appointments clinic-appointments-close clinic-appointments-waiting clinic-appointment
        clinic-appointment-status clinic-appointment-cancel clinic-appointment-new clinic-walk-in clinic-smoking
        clinic-sessions clinic-session-new clinic-session clinic-session-cancel clinic-day-reopen
        clinic-bench clinic-bench-undo clinic-bench-end clinic-rack clinic-receive clinic-send clinic-reject clinic-tube
        clinic-specimens clinic-kits clinic-tell clinic-verify clinic-second clinic-settle clinic-labels clinic-orders
        clinic-order-cancel clinic-matching clinic-matching-new clinic-matching-one clinic-matching-person
        clinic-notices clinic-notice-seen
        clinic-imports clinic-import-template clinic-imports-left clinic-imports-settle clinic-imports-settle-file
        clinic-import clinic-import-columns clinic-import-decide clinic-import-approve clinic-import-cancel
        clinic-import-undo clinic-import-errors
        clinic-station clinic-station-session clinic-station-pack clinic-station-sync
        clinic-recall clinic-recall-places clinic-recall-decide clinic-recall-undo clinic-recall-excluded
        clinic-messages clinic-person-messages clinic-person-messages-act
    """,
    # Which letters, and which requests, follows from the role, not from the address.
    STAFF_OF_FACILITY | {Role.OFFICER}: """
        clinic-letters clinic-letters-make clinic-letters-batch clinic-letters-printed clinic-letters-file
        city-letters city-letters-make city-letters-batch city-letters-printed city-letters-file
        requests request
    """,
    frozenset({Role.CLINICIAN}): """
        clinic-emergency clinic-person-emergency clinic-emergency-end clinic-exclusion-withdraw
    """,
    frozenset({Role.LABORATORY}): """
        clinic-machines clinic-machine-new clinic-machine-change clinic-machine-switch clinic-machine-message
    """,
    frozenset({Role.OFFICER, Role.ANALYST}): """
        city city-csv city-failsafe city-forgotten city-recall city-recall-excluded city-recall-differences
        city-texts city-texts-group city-protocols city-protocol-draft city-protocol city-protocol-file
    """,
    frozenset({Role.OFFICER}): """
        city-failsafe-people city-failsafe-handover city-failsafe-remind city-alarm-review
        city-batch-ask city-batches city-batch city-batch-decide city-batch-undo city-closings city-closing
        city-recall-places city-texts-decide
        city-protocol-upload city-protocol-run city-protocol-activate city-protocol-withdraw
    """,
    frozenset({Role.AUDITOR}): "audit-emergencies audit-emergency",
    frozenset({Role.FACILITY_ADMIN, Role.ADMIN}): "staff staff-invite staff-withdraw staff-end",
}
ROLES_OF: Final[dict[str, frozenset[Role]]] = {
    name: roles for roles, names in _BY_ROLES.items() for name in names.split()
}
#: Pages about one person that care opens for whoever is cared for here (``patient_id`` in the address).
ABOUT_A_PERSON: Final = (
    *("clinic-person", "clinic-preview", "clinic-contact", "clinic-result-new", "clinic-result-correct"),
    *("clinic-result-withdraw", "clinic-refer", "clinic-assess", "clinic-step-correct", "clinic-step-withdraw"),
    *("clinic-close", "clinic-reopen", "clinic-appointment-new", "clinic-walk-in", "clinic-orders", "clinic-smoking"),
    *("clinic-order-cancel", "clinic-matching-person", "clinic-recall-decide", "clinic-recall-undo"),
    *("clinic-exclusion-withdraw", "clinic-person-messages", "clinic-person-messages-act"),
    *("clinic-person-emergency", "person-apps", "person-app-open"),
)
#: Of these, what opens by the person alone; the others need a result, a round or the like of hers as well.
BY_THE_PERSON_ALONE: Final = (
    "clinic-person",
    "clinic-preview",
    "clinic-result-new",
    "clinic-appointment-new",
    "clinic-walk-in",
    "clinic-smoking",
    "clinic-orders",
    "clinic-person-messages",
    "person-apps",
)

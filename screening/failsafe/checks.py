"""What would reveal somebody lost. Each check is one SQL statement over the whole city that names the people it finds.

The engine is built so that most of these cannot happen; they look all the same, because what cannot happen is what
nobody would notice. None reads the code that made the rows: they start from the results and events themselves.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.utils.translation import gettext_lazy as _

from screening.protocol import protocols

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LATE_OUTCOME_DAYS: Final = 30  # an assessment without its finding is asked after from then on
LATE_READING_DAYS: Final = 14  # a result that nobody could read
WITHDRAWN_DAYS: Final = 60  # a positive that was taken back is asked after for so long


@dataclass(frozen=True, slots=True)
class Check:
    """``sql`` gives (subject, patient, programme, facility, since), one row for each person lost; ``%(today)s``.

    ``reviewable``: whether somebody is lost is for a person to judge, so a review with a reason settles it. The others
    find what must not be at all, and end only by a repair.
    """

    key: str
    title: "_StrPromise"
    remedy: "_StrPromise"
    sql: str
    reviewable: bool = False


# A closing or an assessment counts while it is its source's last word.
_STANDING = """EXISTS (
  SELECT FROM screening_episodeevent v WHERE v.patient_id = r.patient_id
    AND (v.programme = r.programme OR v.fact = 'died')  -- a death is told of no single programme
    AND v.fact IN ('assessed', 'closed', 'died') AND v.kind <> 'withdrawn' AND v.occurred_on >= r.collected_on
    AND NOT EXISTS (SELECT FROM screening_episodeevent l WHERE l.source_id = v.source_id
      AND l.source_type = v.source_type AND l.source_version > v.source_version))"""

# Every owner of an open step of the round, once; what is found is named by the round, and by an owner beside its own.
_OWNERS = "CROSS JOIN LATERAL (SELECT DISTINCT need->>'owner' AS owner FROM jsonb_array_elements(e.needs) AS need) n"
_SUBJECT = "'Episode/' || e.id || CASE WHEN n.owner = e.owner THEN '' ELSE '/' || n.owner END"

CHECKS: Final = (
    Check(
        "positive_without_round",
        _("Dương tính mà không có ai theo dõi"),
        _("Không bước nào đang mở, chưa khám và không có lý do. Hãy xem hồ sơ và làm lại dữ liệu của người này."),
        f"""SELECT 'Observation/' || r.observation_id, r.patient_id, r.programme, r.facility_id, r.collected_on
        FROM screening_screeningresult r LEFT JOIN screening_episode e ON e.id = r.episode_id
        WHERE r.outcome = 'positive' AND (e.id IS NULL OR (e.state = 'closed' AND (
          e.outcome NOT IN ('negative', 'assessed', 'closed', 'withdrawn') OR e.closed_on IS NULL
          OR (e.outcome IN ('assessed', 'closed', 'withdrawn') AND NOT {_STANDING})
          OR (e.outcome = 'negative' AND NOT EXISTS (SELECT FROM screening_screeningresult n
            WHERE n.episode_id = e.id AND n.outcome = 'negative' AND n.collected_on >= r.collected_on)
            AND NOT {_STANDING}))))""",
    ),
    Check(
        "positive_withdrawn",
        _("Dương tính đã bị rút lại và chưa có kết quả nào khác"),
        _("Hãy hỏi nơi rút vì sao, rồi nhập kết quả đúng hoặc lấy mẫu lại: người này không còn bước nào đang mở."),
        f"""SELECT w.source_type || '/' || w.source_id, w.patient_id, w.programme, c.facility_id, w.occurred_on
        FROM screening_episodeevent w LEFT JOIN records_citizen c ON c.patient_id = w.patient_id
        WHERE w.kind = 'withdrawn' AND (w.fact = 'result' AND w.data->>'outcome' = 'positive' OR w.fact = 'assessed'
            AND concat_ws('|', w.programme, w.data->>'assessment', w.data->>'finding') = ANY(%(leading)s))
          AND w.recorded_at > %(today)s::date - {WITHDRAWN_DAYS}
          AND NOT EXISTS (SELECT FROM screening_episodeevent l WHERE l.source_id = w.source_id
            AND l.source_type = w.source_type AND (l.source_version > w.source_version
              OR (l.source_version = w.source_version AND l.kind <> 'withdrawn')))
          AND NOT EXISTS (SELECT FROM screening_screeningresult r WHERE r.patient_id = w.patient_id
            AND r.programme = w.programme AND r.collected_on >= w.occurred_on)
          AND (w.fact = 'result' OR NOT EXISTS (SELECT FROM screening_episode o WHERE o.patient_id = w.patient_id
              AND o.programme = w.programme AND o.state <> 'closed')
            AND NOT EXISTS (SELECT FROM screening_episodeevent v WHERE v.patient_id = w.patient_id
              AND v.programme = w.programme AND v.fact IN ('assessed', 'closed') AND v.kind <> 'withdrawn'
              AND v.occurred_on >= w.occurred_on AND NOT EXISTS (SELECT FROM screening_episodeevent l
                WHERE l.source_id = v.source_id AND l.source_type = v.source_type
                  AND l.source_version > v.source_version)))
          AND NOT EXISTS (SELECT FROM screening_episodeevent d WHERE d.patient_id = w.patient_id AND d.fact = 'died'
            AND d.kind <> 'withdrawn')""",
        reviewable=True,
    ),
    Check(
        "open_without_clock",
        _("Bước đang mở mà không có hạn hoặc không ai phụ trách"),
        _("Mỗi bước phải có nơi phụ trách và hạn. Hãy làm lại dữ liệu của người này."),
        """SELECT 'Episode/' || e.id, e.patient_id, e.programme, e.owner, e.opened_on FROM screening_episode e
        WHERE e.state <> 'closed' AND (e.due_on IS NULL OR e.limit_on IS NULL OR coalesce(e.owner, '') = ''
          OR coalesce(e.step, '') = '' OR jsonb_array_length(e.needs) = 0
          OR EXISTS (SELECT FROM jsonb_to_recordset(e.needs) AS n(owner text, due_on text, limit_on text)
            WHERE coalesce(n.owner, '') = '' OR coalesce(n.due_on, 'None') = 'None'
              OR coalesce(n.limit_on, 'None') = 'None'))""",
    ),
    Check(
        "open_owner_gone",
        _("Bước đang mở thuộc một cơ sở không còn hoạt động"),
        _("Không ai thấy việc này. Hãy chuyển sang cơ sở khác."),
        f"""SELECT {_SUBJECT}, e.patient_id, e.programme, n.owner, e.opened_on FROM screening_episode e {_OWNERS}
        LEFT JOIN records_facility f ON f.organization_id = n.owner
        WHERE e.state <> 'closed' AND n.owner NOT IN ('', 'department') AND (f.organization_id IS NULL OR NOT f.active)
        """,
    ),
    Check(
        "nobody_sees",
        _("Bước đang mở mà không tài khoản nào thấy được"),
        _("Cơ sở phụ trách không được xem hồ sơ này hoặc không có tài khoản nào. Hãy chuyển sang cơ sở khác."),
        f"""SELECT {_SUBJECT}, e.patient_id, e.programme, n.owner, e.opened_on FROM screening_episode e {_OWNERS}
        LEFT JOIN records_citizen c ON c.patient_id = e.patient_id
        WHERE e.state <> 'closed' AND (c.active IS NOT TRUE
          OR (n.owner <> 'department' OR c.facility_id IS NOT NULL)
          AND NOT (EXISTS (SELECT FROM records_carerelation k WHERE k.patient_id = e.patient_id
              AND k.facility_id = CASE n.owner WHEN 'department' THEN c.facility_id ELSE n.owner END)
            OR EXISTS (SELECT FROM records_consent s WHERE s.patient_id = e.patient_id AND s.withdrawn_at IS NULL
              AND s.facility_id = CASE n.owner WHEN 'department' THEN c.facility_id ELSE n.owner END)))""",
    ),
    Check(
        "result_without_round",
        _("Kết quả không thuộc vòng sàng lọc nào"),
        _("Kết quả được lưu nhưng không vào quy trình. Hãy làm lại dữ liệu của người này."),
        """SELECT 'Observation/' || r.observation_id, r.patient_id, r.programme, r.facility_id, r.collected_on
        FROM screening_screeningresult r LEFT JOIN screening_episode e ON e.id = r.episode_id WHERE e.id IS NULL""",
    ),
    Check(
        "resource_without_result",
        _("Kết quả đã nhận mà không được đọc vào chương trình"),
        _("Hồ sơ có kết quả nhưng chương trình không biết. Hãy làm lại dữ liệu của người này."),
        """SELECT 'Observation/' || v.source_id, v.patient_id, v.programme, NULL::text, v.occurred_on
        FROM screening_episodeevent v JOIN fhir_resource o ON o.type = 'Observation' AND o.id = v.source_id
        WHERE v.fact = 'result' AND v.kind <> 'withdrawn' AND v.source_type = 'Observation' AND NOT o.deleted
          AND NOT EXISTS (SELECT FROM screening_episodeevent l WHERE l.source_id = v.source_id
            AND l.source_type = v.source_type AND l.source_version > v.source_version)
          AND NOT EXISTS (SELECT FROM screening_episodeevent w WHERE w.source_id = v.source_id AND w.kind = 'withdrawn'
            AND w.source_type = v.source_type AND w.source_version = v.source_version AND w.patient_id = v.patient_id)
          AND NOT EXISTS (SELECT FROM screening_screeningresult r WHERE r.observation_id = v.source_id)""",
    ),
    Check(
        "release_overdue",
        _("Đã hết thời gian giữ kết quả mà chưa ai báo cho người dân"),
        _("Người này có thể tự đọc kết quả một mình. Hãy gọi ngay và ghi lần liên lạc."),
        """SELECT 'Observation/' || r.observation_id, r.patient_id, r.programme, r.facility_id, r.hold_until
        FROM screening_screeningresult r JOIN screening_episode e ON e.id = r.episode_id AND e.state <> 'closed'
        WHERE r.hold_until < %(today)s AND (r.released_on IS NULL OR r.released_on > %(today)s)""",
    ),
    Check(
        "unreadable",
        _("Kết quả chưa ai đọc được đã quá lâu"),
        _("Hãy hỏi phòng xét nghiệm và sửa kết quả."),
        f"""SELECT 'Observation/' || r.observation_id, r.patient_id, r.programme, r.facility_id, r.collected_on
        FROM screening_screeningresult r JOIN screening_episode e ON e.id = r.episode_id AND e.state <> 'closed'
        WHERE r.outcome = 'unclassified' AND r.collected_on < %(today)s::date - {LATE_READING_DAYS}""",
    ),
    Check(
        "assessed_without_finding",
        _("Đã khám nhưng chưa báo kết luận"),
        _("Hãy hỏi nơi khám và ghi kết luận: không có kết luận thì không biết bước tiếp theo."),
        f"""SELECT v.source_type || '/' || v.source_id, v.patient_id, v.programme, e.owner, v.occurred_on
        FROM screening_episodeevent v LEFT JOIN screening_episode e ON e.id = v.episode_id
        WHERE v.fact = 'assessed' AND v.kind <> 'withdrawn' AND coalesce(v.data->>'finding', '') IN ('', 'unspecified')
          AND v.programme || '|' || (v.data->>'assessment') = ANY(%(asked)s)
          AND v.occurred_on < %(today)s::date - {LATE_OUTCOME_DAYS}
          AND NOT EXISTS (SELECT FROM screening_episodeevent l WHERE l.source_id = v.source_id
            AND l.source_type = v.source_type AND l.source_version > v.source_version)
          AND NOT EXISTS (SELECT FROM screening_episodeevent n WHERE n.patient_id = v.patient_id
            AND n.programme = v.programme AND n.fact = 'assessed' AND n.kind <> 'withdrawn'
            AND n.data->>'assessment' = v.data->>'assessment' AND n.occurred_on >= v.occurred_on
            AND coalesce(n.data->>'finding', '') NOT IN ('', 'unspecified'))""",
        reviewable=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody whom a check found. ``subject`` names what was found (``Observation/…``, ``Episode/…``)."""

    check: str
    subject: str
    patient: str
    programme: str
    facility: str
    since: date | None


def run_check(check: Check, on: date) -> list[Lost]:
    """Everybody whom it finds on that day."""
    with connection.cursor() as cursor:
        cursor.execute(check.sql, {"today": on, "asked": _owe_a_finding(), "leading": _lead_on()})
        return [Lost(check.key, row[0], row[1], row[2] or "", row[3] or "", row[4]) for row in cursor.fetchall()]


def find_lost(on: date) -> dict[str, list[Lost]]:
    """Every check's people."""
    return {check.key: run_check(check, on) for check in CHECKS}


def _owe_a_finding() -> list[str]:
    """``programme|assessment`` of those that can find one thing or another: a staging or a treatment is done or not."""
    kinds = ("procedure", "report", "decision")
    return sorted(
        {
            f"{protocol.programme}|{one.key}"
            for protocol in protocols()
            for one in protocol.assessments.values()
            if one.kind in kinds and len(one.findings) > 1
        }
    )


def _lead_on() -> list[str]:
    """``programme|assessment|finding`` of the findings that ask for a further step."""
    return sorted(
        {
            f"{protocol.programme}|{one.key}|{finding.key}"
            for protocol in protocols()
            for one in protocol.assessments.values()
            for finding in one.findings.values()
            if finding.leads_to
        }
    )

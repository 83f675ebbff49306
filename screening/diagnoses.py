"""What counts as a diagnosis: the one answer for call and recall, for cancers found, and for risk groups.

A Condition counts if nobody doubts it: its verificationStatus is ``confirmed``, or it has none (FHIR R4: then it is
said without a doubt). A suspicion (``provisional``, ``differential``, ``unconfirmed``) is none, so it neither takes
anybody out of screening nor makes a cancer of it; what was refuted or entered in error never was one.
"""

from collections.abc import Mapping
from typing import Any, Final

NOT_DIAGNOSES: Final = ("unconfirmed", "provisional", "differential", "refuted", "entered-in-error")


def is_diagnosis(condition: Mapping[str, Any]) -> bool:
    """Whether a Condition says without doubt what its code says."""
    status = condition.get("verificationStatus")
    codings = status.get("coding") or () if isinstance(status, Mapping) else ()
    return not any(coding.get("code") in NOT_DIAGNOSES for coding in codings)


def is_diagnosis_sql(content: str) -> str:
    """The same of a Condition's text, an SQL expression."""
    doubts = ", ".join(f"""'[{{"code": "{code}"}}]'""" for code in NOT_DIAGNOSES)
    return f"({content}::jsonb #> '{{verificationStatus,coding}}' @> ANY(ARRAY[{doubts}]::jsonb[])) IS NOT TRUE"

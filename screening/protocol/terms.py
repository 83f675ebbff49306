"""The words that protocols are written in: outcomes, modes, kinds; and how a text and a code look."""

from collections.abc import Mapping

POSITIVE, NEGATIVE, INADEQUATE, UNCLASSIFIED = "positive", "negative", "inadequate", "unclassified"
OUTCOMES = (POSITIVE, NEGATIVE, INADEQUATE)
VERIFY = "verify_result"  # the step that every protocol has for a result that cannot be read, or is not final yet
DECEASED = "deceased"  # the reason that every protocol has, which closes all when a person has died
UNSPECIFIED = "unspecified"  # the finding of an assessment that says none
INVITED, OPPORTUNISTIC = "invited", "opportunistic"
AT_ONCE, AFTER_CONTACT = "at_once", "after_contact"
DOUBLE = "double"
PROCEDURE, REPORT, STAGING, DECISION, TREATMENT = "procedure", "report", "staging", "decision", "treatment"

Text = Mapping[str, str]  # language -> text; always has "vi" and "en"
Coding = tuple[str, str]  # (system, code)

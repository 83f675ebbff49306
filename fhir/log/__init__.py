"""The access log as FHIR AuditEvent (https://hl7.org/fhir/R4/auditevent.html): read from its lines, not stored.

``meanings`` says what each action of the log is in FHIR's codes, ``resource`` writes a line as an AuditEvent and
``reader`` reads and searches.
"""

from fhir.log.reader import SEARCHED_BY, TYPE, read_event, search_events

__all__ = ["SEARCHED_BY", "TYPE", "read_event", "search_events"]

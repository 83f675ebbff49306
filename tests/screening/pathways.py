"""Made-up histories of one person in any programme, for the property tests of the pathway."""

from datetime import date, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from screening.protocol import Event, fold_rounds, protocols

WALK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on busy machines too
DAY = date(2026, 1, 10)
PROTOCOLS = {f"{protocol.programme}-{protocol.version}": protocol for protocol in protocols()}

days = st.one_of(st.integers(0, 40), st.integers(0, 1500)).map(lambda number: DAY + timedelta(days=number))
names = st.sampled_from("abcdef")


def folded(protocol, events):
    """(rounds, events of none) by one version of a protocol."""
    return fold_rounds(events, rules=lambda day: protocol)


def standing(events):
    """The last word of each source that is not taken back."""
    newest = {}
    for event in events:
        if event.source not in newest or event.version > newest[event.source].version:
            newest[event.source] = event
    return [event for event in newest.values() if not event.withdrawn]


@st.composite
def histories(draw, protocol, size=12):
    """Results in versions (some not final), referrals, assessments, closings, hand-overs, contacts and deaths."""
    kinds = [
        (test.key, category) for test in protocol.tests.values() for category in (*test.categories, "unclassified")
    ]
    findings = [(one.key, finding) for one in protocol.assessments.values() for finding in one.findings]
    reasons = sorted(protocol.reasons)
    events = {}
    for _ in range(draw(st.integers(1, size))):
        what = draw(
            st.sampled_from(["result"] * 5 + ["assessed"] * 4 + ["referred", "closed", "handed", "contacted", "died"])
        )
        name, day = draw(names), draw(days)
        version, withdrawn = draw(st.integers(1, 2)), draw(st.integers(0, 9)) == 0
        if what == "result":
            test, category = draw(st.sampled_from(kinds))
            event = result(protocol, name, test, category, day, version=version, withdrawn=withdrawn)
            if draw(st.integers(0, 7)) == 0:
                event.data["preliminary"] = True
            for component in protocol.tests[test].components:
                if (said := draw(st.sampled_from([None, None, "", *component.values]))) is not None:
                    event.data.setdefault("components", {})[component.key] = said
        elif what == "assessed":
            assessment, finding = draw(st.sampled_from(findings))
            event = assessed(name, assessment, finding, day, version=version, withdrawn=withdrawn)
        elif what == "closed":
            kind = draw(st.sampled_from(kinds + findings))[1]
            source = draw(st.sampled_from(["Observation", "Procedure"]))
            event = closed(name, draw(st.sampled_from(reasons)), day, (f"{source}/{draw(names)}", kind))
        elif what == "handed":
            step = draw(st.sampled_from(sorted(protocol.steps)))
            event = Event("handed", day, f"staff/h{name}", data={"step": step, "facility": "other"})
        elif what == "contacted":
            event = Event("contacted", day, f"Communication/{name}", data={"about": [f"Observation/{draw(names)}"]})
        elif what == "died":
            event = Event("died", day, "Patient/p", version, withdrawn, {"text": ""})
        else:
            due = draw(st.none() | days)
            data = {
                "assessment": draw(st.sampled_from(sorted(protocol.assessments))),
                "due_on": due.isoformat() if due else None,
                "facility": "station",
                "to": draw(st.sampled_from([None, "hospital"])),
            }
            event = Event("referred", day, f"ServiceRequest/{name}", version, withdrawn, data)
        events[event.source, event.version] = event
    return list(events.values())


def result(protocol, name, test, category, day=DAY, *, version=1, withdrawn=False, **data):
    """A result of a test."""
    found = protocol.category(test, category)
    said = {
        "test": test,
        "category": category,
        "outcome": found.outcome if found else "unclassified",
        "facility": "station",
        "resulted_on": None,
    }
    return Event("result", day, f"Observation/{name}", version, withdrawn, said | data)


def assessed(name, assessment, finding, day, *, version=1, withdrawn=False):
    """An assessment with its finding."""
    data = {"assessment": assessment, "finding": finding, "facility": "hospital", "resulted_on": None}
    return Event("assessed", day, f"Procedure/{name}", version, withdrawn, data)


def closed(name, reason, day, *closes):
    """A closing by staff."""
    return Event("closed", day, f"staff/{name}", data={"reason": reason, "closes": [list(pair) for pair in closes]})

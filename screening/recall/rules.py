"""The rules by which due dates are counted, with the months that a version of a protocol gives each."""

from screening.protocol import Protocol


def rule_months(protocol: Protocol) -> dict[str, int]:
    """``category:<test>.<category>``, ``finding:<assessment>.<finding>``, ``step:<step>``, ``reason:<reason>`` ->
    months from the day that the rule counts from."""
    months: dict[str, int] = {}
    for test in protocol.tests.values():
        for category in test.categories.values():
            if category.next_months:
                months[f"category:{test.key}.{category.key}"] = category.next_months
    for assessment in protocol.assessments.values():
        for finding in assessment.findings.values():
            if finding.next_months:
                months[f"finding:{assessment.key}.{finding.key}"] = finding.next_months
    for step in protocol.steps.values():
        if step.then_months:
            months[f"step:{step.key}"] = step.then_months
    for reason in protocol.reasons.values():
        if not reason.ends:
            months[f"reason:{reason.key}"] = protocol.bands[0].interval_months
    return months

"""By when a sample should be back, and a result there: the protocol's own clocks, counted for the laboratory.

Two steps of a programme say how long the same acts may take: the step that asks for another sample (the time to send
one) and ``verify_result`` (the laboratory's time to say what a sample means).
"""

from datetime import date

from screening.protocol import INADEQUATE, protocol_for
from screening.protocol.shapes import VERIFY


def sample_due(programme: str, test: str, on: date) -> date:
    """By when a sample ordered or a kit issued on that day should be back."""
    protocol = protocol_for(programme, on)
    categories = protocol.tests[test].categories.values() if test in protocol.tests else ()
    leads = next((found.leads_to for found in categories if found.outcome == INADEQUATE and found.leads_to), VERIFY)
    return protocol.steps[leads].due_on(on)


def reading_due(programme: str, on: date) -> date:
    """By when a sample received on that day should have its result."""
    return protocol_for(programme, on).steps[VERIFY].due_on(on)

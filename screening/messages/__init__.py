"""Messages to people: letters, SMS, e-mail, Zalo. They invite, remind and say that there is news; never a result.

``queue_messages`` and ``queue`` put into the outbox, ``sending.sweep`` sends what is due, ``letters`` prints.
"""

from screening.messages.outbox import Outgoing, queue, queue_messages
from screening.messages.reach import unreachable, unreachable_sql

__all__ = ["Outgoing", "queue", "queue_messages", "unreachable", "unreachable_sql"]

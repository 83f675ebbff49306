"""How a person can be reached, as SQL: one place for the outbox, for sending, and for "unreachable".

A contact is usable if it is known and nobody has found it to be wrong. Of the usable ones a person's own wish comes
first, then Zalo (only if she asked for it), SMS, e-mail, letter.
"""

from collections.abc import Sequence

from django.db import connection

_NOT_BAD = (
    "NOT EXISTS (SELECT FROM screening_badcontact b WHERE b.patient_id = {person}.patient_id "
    "AND b.channel = '{channel}' AND b.address = {address} AND b.cleared_at IS NULL)"
)


def _usable(channel: str, address: str, person: str) -> str:
    bad = _NOT_BAD.format(person=person, channel=channel, address=address)
    return f"{address} <> '' AND {bad}"


def channels_sql(person: str, *, without: str = "%s::text[]") -> str:
    """A lateral subquery ``(channel, address)``: the best usable way to somebody, none or one row.

    ``person`` is the alias of a records_citizen row; the caller joins screening_messagepreference as ``wish`` and
    screening_emailaddress as ``mail`` from the left. ``without`` are the channels not to
    use, an expression or a parameter.
    """
    return f"""(
    SELECT way.channel, way.address FROM (
        VALUES ('zalo', {person}.phone, 1, wish.zalo IS TRUE), ('sms', {person}.phone, 2, true),
               ('email', coalesce(mail.address, ''), 3, true), ('letter', {person}.address_text, 4, true)
    ) AS way(channel, address, place, allowed)
    WHERE way.allowed AND way.address <> '' AND NOT way.channel = ANY({without})
    AND NOT EXISTS (
        SELECT FROM screening_badcontact b WHERE b.patient_id = {person}.patient_id
        AND b.channel = way.channel AND b.address = way.address AND b.cleared_at IS NULL
    )
    ORDER BY way.channel = wish.channel DESC NULLS LAST, way.place LIMIT 1
)"""


def unreachable_sql(person: str) -> str:
    """A condition over a records_citizen row ``person``, without parameters: no usable telephone, e-mail or address.

    For the recall run: these people are "unreachable", whoever is not is called by a message.
    """
    mail = _NOT_BAD.format(person=person, channel="email", address="m.address")
    return (
        f"NOT ({_usable('sms', f'{person}.phone', person)}) "
        f"AND NOT ({_usable('letter', f'{person}.address_text', person)}) "
        f"AND NOT EXISTS (SELECT FROM screening_emailaddress m WHERE m.patient_id = {person}.patient_id AND {mail})"
    )


def unreachable(patients: Sequence[str]) -> set[str]:
    """Which of these people have no usable contact. One statement."""
    sql = f"SELECT c.patient_id FROM records_citizen c WHERE c.patient_id = ANY(%s) AND {unreachable_sql('c')}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(patients)])
        return {row[0] for row in cursor.fetchall()}

"""Which facility calls the people of a unit who have none of their own."""

from django.db import connection

# The nearest registered facility of each unit: there, where it passed into or came from, in its district.
_CALLERS = """
SELECT DISTINCT ON (near.area_id) near.area_id, f.organization_id FROM (
    SELECT id AS area_id, id AS place, 0 AS far FROM records_area
    UNION ALL SELECT old_id, new_id, 1 FROM records_areasuccession
    UNION ALL SELECT new_id, old_id, 1 FROM records_areasuccession
    UNION ALL SELECT id, parent_id, 2 FROM records_area WHERE parent_id IS NOT NULL
    UNION ALL SELECT a.id, b.id, 3 FROM records_area a JOIN records_area b ON b.parent_id = a.parent_id
) AS near JOIN records_facility f ON f.area_id = near.place AND f.active AND f.code IS NOT NULL
ORDER BY near.area_id, near.far, f.code
"""
_REGISTERED = """
SELECT organization_id FROM records_facility WHERE active AND code IS NOT NULL ORDER BY organization_id
"""


def callers() -> list[tuple[int, str]]:
    """(unit's id, organization's id) of each unit that has a registered facility in it or near."""
    with connection.cursor() as cursor:
        cursor.execute(_CALLERS)
        return cursor.fetchall()


def registered() -> list[str]:
    """The facilities that may call anybody."""
    with connection.cursor() as cursor:
        cursor.execute(_REGISTERED)
        return [row[0] for row in cursor.fetchall()]

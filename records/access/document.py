"""docs/access.md, written from the table."""

from healthhub.accounts.actors import Role
from records.access.rows import DIRECTORY_TYPES
from records.access.table import PARTS, TABLE, WHAT_IS, WHOSE_IS, Action, What, Whose

_WHO_IS = {
    Role.CLINICIAN: "health worker of a facility",
    Role.LABORATORY: "laboratory staff of a facility",
    Role.REGISTRAR: "reception of a facility: finds and registers people, books appointments, sees no results",
    Role.FACILITY_ADMIN: "manages a facility's own staff, sees no people's data",
    Role.OFFICER: "officer of the health department, for a part of the city or all of it",
    Role.ANALYST: "analyst of the health department: figures without names",
    Role.ADMIN: "keeps HealthHub running, sees no people's data",
    Role.AUDITOR: "reads who did what, not what it was about",
    Role.CITIZEN: "a person, about herself",
    Role.GUARDIAN: "acts for another person, by evidence and until a day",
    Role.CLIENT: "a facility's software, by token; its scopes narrow it further",
    Role.SYSTEM: "HealthHub's own work (nightly runs, commands); nobody signs in as it",
}


def access_page() -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Who may see what",
            "",
            "Written by `manage.py access_table` from `records/access/table.py`; a test compares the two. What is not",
            "in the table is forbidden. Pages, FHIR, files, background work and exports ask the same rule.",
            "",
            "## The table",
            "",
            *_table(["Role", "May", "Of what", "About whom"], _lines()),
            "",
            "Whoever may do something with a whole may do it with its parts: "
            + "; ".join(f"{_of(parts - {whole})} are parts of a {whole}" for whole, parts in PARTS.items())
            + ".",
            "",
            "## Words",
            "",
            *_table(["Role", "Who it is"], [(_code(role), _WHO_IS[role]) for role in Role]),
            "",
            *_table(["Of what", "Meaning"], [(_code(what), WHAT_IS[what]) for what in What]),
            "",
            *_table(["About whom", "Meaning"], [(_code(whose), WHOSE_IS[whose]) for whose in Whose]),
            "",
            "## What else holds",
            "",
            "- A person has one role at a time, from one membership in force; it is shown on every page.",
            "- Citizens and guardians read a record less what is held back until somebody has spoken to the person.",
            "- Care changes and deletes only what its own facility wrote or shares, in no other facility's name.",
            "- Citizens' appointments are written by their pages, in good time before the appointment.",
            "- Officers and analysts have their names and figures from the programmes' pages; of the store they read",
            "  the directory.",
            "- The record of somebody who has died stays as closed as it was; nobody opens it in an emergency.",
            "- A record is opened in an emergency by somebody with a second factor, for a coded reason and in her own",
            "  words, for hours, for reading only. Each look under it is logged with the reason, the person is told,",
            "  and an auditor who is somebody else says whether it was justified.",
            "- Each look, search and write is in the access log.",
            "- A decision has a reason: `own`, `care`, `consent`, `emergency`, `facility`, `area` or `all`; or,",
            "  against it, `role` (this role never may) or `relation` (not with this one).",
            "",
            "The directory consists of: " + ", ".join(f"`{name}`" for name in sorted(DIRECTORY_TYPES)) + ".",
            "",
        ]
    )


def _lines() -> list[tuple[str, ...]]:
    """By role, in the order of the table; HealthHub itself in one line."""
    rows: list[tuple[str, ...]] = []
    for role in Role:
        if role is Role.SYSTEM:
            rows.append((_code(role), "everything", "all", _code(Whose.ALL)))
            continue
        for grant in TABLE:
            if role in grant.roles:
                actions = ", ".join(action for action in Action if action in grant.actions)
                rows.append((_code(role), actions, _code(grant.what), _code(grant.whose)))
    return rows


def _table(head: list[str], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _of(things: frozenset[What]) -> str:
    return " and ".join(f"`{thing}`" for thing in sorted(things))


def _code(word: str) -> str:
    return f"`{word}`"

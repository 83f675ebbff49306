"""Which roles care for people: what they may read and write is their facility's."""

from healthhub.accounts.actors import Role

CARE = frozenset({Role.CLINICIAN, Role.LABORATORY, Role.CLIENT})

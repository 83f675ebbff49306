"""Pain 8: eight registers moved into one in a single step, seven months late."""

from pathlib import Path

import pytest

from healthhub.accounts.actors import Actor
from healthhub.accounts.models import User
from screening.models import Episode, ScreeningResult
from tests.screening.importing import person
from tests.screening.test_imports_review import _media, actor, approved, undone, uploaded, user

__all__ = ["_media", "actor", "user"]
pytestmark = pytest.mark.django_db


def test_pain_8_a_register_moves_in_piece_by_piece(user: User, actor: Actor, tmp_path: Path) -> None:
    """Each piece is seen before it counts, works at once, is taken back alone, and may overlap the one before."""
    first = approved(uploaded([person(1), person(2, result="80")], user, actor, tmp_path), user, actor)
    waiting = Episode.objects.get(state="assessment_due")
    assert (first.stored, waiting.owner) == (2, actor.facility)
    overlapping = [person(2, result="80"), person(3), person(4)]
    second = uploaded(overlapping, user, actor, tmp_path)
    assert (second.new, second.unchanged, ScreeningResult.objects.count()) == (2, 1, 2)  # seen, and nothing counts yet
    second = undone(approved(second, user, actor), user, actor)
    assert (second.undone, ScreeningResult.objects.count()) == (2, 2)
    third = approved(uploaded(overlapping, user, actor, tmp_path), user, actor)
    assert (third.stored, ScreeningResult.objects.count()) == (2, 4)
    assert Episode.objects.get(state="assessment_due") == waiting  # who waited went on waiting, by the same clock

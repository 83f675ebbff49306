"""What is known of a round, as one short text: who decides about a round that she was shown decides about that only."""

from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import MD5, Cast, Coalesce

from screening.models import EpisodeEvent
from screening.protocol.events import ASSESSED, REFERRED, RESULT

_FACTS = (RESULT, REFERRED, ASSESSED)  # who has the step in hand, and what was closed before, is no news of the person


def with_known(rounds: QuerySet[Any], *, episode: str = "pk") -> QuerySet[Any]:
    """The rounds (``episode`` names their column that says which) with ``known``: another text as soon as a result,
    referral or finding comes, is put right or taken back, also one that leaves the step as it is."""
    events = EpisodeEvent.objects.filter(episode=OuterRef(episode), fact__in=_FACTS).order_by().values("episode")
    names = StringAgg(Cast("id", CharField()), Value(","), order_by="id")
    mark = Subquery(events.annotate(mark=MD5(names)).values("mark"))
    return rounds.annotate(known=Coalesce(mark, Value(""), output_field=CharField()))

"""A context for expression tests: a fixed clock, seeded chance, a target that has some values."""

from __future__ import annotations

import random  # noqa: TID251 - seeded
import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from rollcall.provisioning.expression import Context

NOON = datetime(2025, 7, 30, 12, tzinfo=UTC)


def context(
    *,
    now: datetime = NOON,
    seed: int = 1,
    default_domain: str | None = "contoso.com",
    taken: Collection[str] = (),
) -> Context:
    """A context whose chance comes from `seed` and whose target has the values in `taken`."""
    chance = random.Random(seed)
    return Context(
        now=now,
        new_guid=lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        random=chance,
        default_domain=default_domain,
        is_taken=set(taken).__contains__,
    )

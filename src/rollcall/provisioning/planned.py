"""A plan of a whole cycle as a value: what would happen to each object and each reference, and why nothing to the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rollcall.provisioning.ledger_contract import Position
from rollcall.provisioning.model import Json, Key


@dataclass(frozen=True, slots=True)
class Given:
    """The moment and the chance a plan was made with: whoever works it out again gets the same values."""

    now: datetime
    seed: str


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """What would happen to one object, attribute by attribute: path, old value, new value; and why, where that is not plain.

    `digest` stands for the operation with all its values, those that are hidden too.
    """

    key: Key
    name: str
    action: str
    target_id: str | None
    changes: tuple[tuple[str, Json, Json], ...]
    reason: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class PlannedSkip:
    """Why nothing would happen to one object."""

    key: Key
    name: str
    code: str
    reason: str
    failed: bool


@dataclass(slots=True)
class PlannedCycle:
    """The whole plan. `added` and `removed` are references by object and attribute, as names or ids of the other end.

    `withheld` is what this cycle would hold back. `held` is what an earlier one did: this cycle leaves it alone, and a
    restart would send it, unless a guard objects still (`held_sent`); the reason of each is why it was. `held_because`:
    what this cycle's guards object to, with their evidence. `given`: the moment and the chance it
    was worked out with. `requests`: how many the cycle would send, questions included. `basis`: how far the source
    was read for it.
    """

    kind: str = "incremental"
    objects: list[PlannedObject] = field(default_factory=list)
    withheld: list[PlannedObject] = field(default_factory=list)
    held: list[PlannedObject] = field(default_factory=list)
    held_sent: bool = False
    held_because: str = ""
    skips: list[PlannedSkip] = field(default_factory=list)
    in_step: int = 0
    added: dict[tuple[Key, str], list[Key]] = field(default_factory=dict)
    removed: dict[tuple[Key, str], list[Key]] = field(default_factory=dict)
    names: dict[Key, str] = field(default_factory=dict)
    problem: str | None = None
    given: Given | None = None
    requests: int = 0
    basis: Position = field(default_factory=Position)

    @property
    def is_empty(self) -> bool:
        """Whether the cycle would send nothing that writes."""
        return not (self.objects or self.added or self.removed)

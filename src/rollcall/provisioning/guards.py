"""Whether removals may be sent: every guard's limit, and the sentence with the numbers that made it object."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from rollcall.provisioning.model import Entry, JobSettings, Json, Link, ObjectMapping

Guard = Literal[
    "deletion_threshold", "deletion_percent", "deletions_per_day", "membership_removal_threshold", "source_anomaly"
]
FEWEST_FOR_PERCENT = 10
"""Fewer removals within a day are never too large a share: of three people one may leave, and of twelve nine."""
_FEW = 20
"""Below so many objects, half of them is no sign of a broken source."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why removals are held back: the guard that says so, and its evidence as a sentence."""

    guard: Guard
    because: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What the guards compare removals with: linked objects, and those removed within a day, allowed ones aside."""

    linked: int
    within_day: int


def objection(settings: JobSettings, removals: int, tally: Tally, anomaly: str = "") -> Objection | None:
    """Why so many removals in one cycle are too many (rules P2, P5), the source's own trouble first; or None."""
    if anomaly and settings.source_anomaly_check:
        return Objection("source_anomaly", anomaly)
    for guard, limit in _limits(settings, tally):
        if removals >= limit:
            return Objection(guard, _evidence(guard, settings, removals, tally))
    return None


def is_guarded(settings: JobSettings) -> bool:
    """Whether any guard may ever object to the removal of objects."""
    limits = (settings.deletion_threshold, settings.deletion_percent, settings.deletions_per_day)
    return settings.source_anomaly_check or any(limits)


def fewest_objected(settings: JobSettings, tally: Tally) -> int | None:
    """The number of removals in one cycle from which on a guard objects; None where none ever does."""
    return min((limit for _, limit in _limits(settings, tally)), default=None)


def _limits(settings: JobSettings, tally: Tally) -> Iterable[tuple[Guard, int]]:
    """Each guard with the number of removals in one cycle from which on it objects."""
    if settings.deletion_threshold:
        yield "deletion_threshold", settings.deletion_threshold
    if settings.source_anomaly_check:
        yield "source_anomaly", max(_FEW, tally.linked // 2 + 1)
    if settings.deletion_percent:
        share = math.ceil(tally.linked * settings.deletion_percent / 100)
        yield "deletion_percent", max(1, max(FEWEST_FOR_PERCENT, share) - tally.within_day)
    if settings.deletions_per_day:
        yield "deletions_per_day", max(1, settings.deletions_per_day - tally.within_day)


def _evidence(guard: Guard, settings: JobSettings, removals: int, tally: Tally) -> str:
    this_cycle = f"{_counted(removals, 'removal')} {'is' if removals == 1 else 'are'} due in this cycle"
    before = f"{tally.within_day:,} went out within the last day"
    if guard == "deletion_threshold":
        return f"{this_cycle}; the job's deletion threshold is {settings.deletion_threshold:,}."
    if guard == "source_anomaly":
        return (
            f"{this_cycle}, over half of the {tally.linked:,} linked objects at once; that looks like a broken source."
        )
    if guard == "deletion_percent":
        share = round((removals + tally.within_day) * 100 / max(1, tally.linked))
        return (
            f"{this_cycle} and {before}: {share} % of {tally.linked:,} linked objects; the job's limit is "
            f"{settings.deletion_percent:g} % within a day."
        )
    return f"{this_cycle} and {before}; the job's limit is {settings.deletions_per_day:,} within a day."


def too_many_references(settings: JobSettings, removals: int) -> Objection | None:
    """Why so many memberships may not be removed in one cycle; or None."""
    limit = settings.membership_removal_threshold
    if not limit or removals < limit:
        return None
    because = (
        f"{_counted(removals, 'membership')} would be removed in this cycle; the job's limit is {limit:,}. "
        "That looks like a group emptied by accident."
    )
    return Objection("membership_removal_threshold", because)


def source_anomaly(missing: int, linked: int) -> str:
    """Why nothing may be removed after a reading of everything that did not show so many linked objects; or nothing.

    A directory that lost its data and a query that came back half look like everybody leaving at once.
    """
    if linked < _FEW or missing * 2 <= linked:
        return ""
    return f"The source shows {missing:,} of {linked:,} linked objects no more, over half; that looks like a broken source."


@dataclass(slots=True)
class Emptied:
    """Of how many objects of a cycle an attribute had a value before, and how many of them have it no more.

    By kind and source attribute. A loss is counted in the cycle in which it happens, once.
    """

    had: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, entry: Entry, known: Link, filled: Collection[str]) -> None:
        """Count one object in; `filled`: which of its source attributes have a value now."""
        if entry.state == "gone" or known.state != "linked" or known.disabled or known.left_alone:
            return
        for name in known.filled:
            self.had[entry.key.kind, name] += 1
            self.lost[entry.key.kind, name] += name not in filled

    def anomaly(self) -> str:
        """Which attribute most people have lost, with the numbers; or nothing."""
        for (kind, name), lost in sorted(self.lost.items()):
            had = self.had[kind, name]
            if lost >= _FEW and lost * 2 > had:
                return (
                    f"{name} is empty now for {lost:,} of {had:,} {kind.lower()}s of this cycle that had it; "
                    "that looks like a broken source."
                )
        return ""


def filled(entry: Entry, mapping: ObjectMapping) -> tuple[str, ...]:
    """Which of the source attributes that flow as they are, or that filters ask for, have a value, in order."""
    flowing = {each.source.text for each in mapping.attributes if each.source.type == "Attribute"}
    asked = {clause.attribute for group in mapping.filters for clause in group.clauses if clause.operator != "IS NULL"}
    return tuple(sorted(name for name in flowing | asked if not _is_empty(entry.attributes.get(name))))


def _is_empty(value: Json) -> bool:
    return value is None or value in ("", [], {})


def _counted(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"


def advice(guard: Guard) -> str:
    """What an administrator does about held removals (rule P4)."""
    what = "memberships" if guard == "membership_removal_threshold" else "removals"
    return (
        f"If the source is wrong, repair it, then rollcall job reject. If the {what} are meant: rollcall job held shows "
        "them, and rollcall job allow sends them."
    )

"""Watermarks: how far a reader of the feed has read, as a value and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Phase = Literal["users", "groups", "ties"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a moment sees: all below `xmin`, none from `xmax` on, and between them those not `running`."""

    xmin: int
    xmax: int
    running: tuple[int, ...] = ()

    def sees(self, xid: int) -> bool:
        """Whether what this transaction wrote was committed by then."""
        return xid < self.xmax and xid not in self.running


@dataclass(frozen=True, slots=True)
class Pruned:
    """How far the log has been pruned: the latest writer of whom changes are gone, and the last to prune."""

    xid: int
    by: int


@dataclass(frozen=True, slots=True)
class FullRead:
    """In the middle of reading everything; afterwards the changes since the snapshot follow.

    `after` is the key of the last row that was read in this phase.
    """

    since: Snapshot
    total: int
    phase: Phase = "users"
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """In the middle of the members of a group whose entitlement changed; `after` is the last member read.

    A reader who takes nested groups in goes from group to group: `at` is the one beneath `group_id` it has come to, and
    the people found are looked at again as members of all groups above `above` too.
    """

    group_id: str
    after: str | None = None
    at: str | None = None
    above: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Reading the changes that `upto` sees and `since` did not; `at` is the last one read.

    `upto` None: everything up to `since` has been read, and the next page looks for news.
    """

    since: Snapshot
    upto: Snapshot | None = None
    at: tuple[int, int] | None = None
    expansion: Expansion | None = None


Mark = FullRead | Reading


def is_stale(mark: Mark, now: Snapshot, pruned: Pruned | None) -> bool:
    """Whether the log may lack changes this reader has not seen, or the watermark lies in its future."""
    since = mark.since
    if since.xmax > now.xmax:
        return True
    # What had been pruned by then had been committed before, so the reader began with it.
    if pruned is None or since.sees(pruned.by):
        return False
    return pruned.xid >= since.xmax or any(xid <= pruned.xid for xid in since.running)


def to_json(mark: Mark, log: str) -> dict[str, Any]:
    """The watermark of a reader of the log `log` as a JSON object."""
    common = {"log": log, "since": _snapshot_to_json(mark.since)}
    if isinstance(mark, FullRead):
        return common | {"phase": mark.phase, "after": list(mark.after), "total": mark.total}
    return common | {
        "phase": "changes",
        "upto": _snapshot_to_json(mark.upto) if mark.upto else None,
        "at": list(mark.at) if mark.at else None,
        "expansion": _expansion_to_json(mark.expansion) if mark.expansion else None,
    }


def _expansion_to_json(expansion: Expansion) -> list[str | None]:
    direct = [expansion.group_id, expansion.after]
    return direct if expansion.at is None and expansion.above is None else [*direct, expansion.at, expansion.above]


def from_json(value: Mapping[str, Any], log: str) -> Mark | None:
    """The watermark in a JSON object, or None when it is of another log or no watermark at all."""
    try:
        if value["log"] != log:
            return None
        since = _snapshot_from_json(value["since"])
        if value["phase"] in ("users", "groups", "ties"):
            return FullRead(since, int(value["total"]), value["phase"], tuple(str(key) for key in value["after"]))
        if value["phase"] != "changes":
            return None
        upto, at, expansion = value["upto"], value["at"], value["expansion"]
        return Reading(
            since,
            _snapshot_from_json(upto) if upto else None,
            (int(at[0]), int(at[1])) if at else None,
            Expansion(str(expansion[0]), *expansion[1:4]) if expansion else None,
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _snapshot_to_json(snapshot: Snapshot) -> list[Any]:
    return [snapshot.xmin, snapshot.xmax, list(snapshot.running)]


def _snapshot_from_json(value: Any) -> Snapshot:
    xmin, xmax, running = value
    return Snapshot(int(xmin), int(xmax), tuple(int(xid) for xid in running))

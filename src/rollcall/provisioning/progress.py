"""How far a cycle is and how long it will take still, from what it has counted."""

from __future__ import annotations

from dataclasses import dataclass

from rollcall.provisioning.road import Counts

_REMEMBERED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """`percent` counts pages (rule G1); None where the source does not say how much there is. `seconds_left` likewise."""

    pages: int
    pages_total: int | None
    percent: int | None
    objects_per_second: float | None
    seconds_left: float | None


class Speed:
    """Objects a second, an average over the last minute or so in which what is old counts less and less."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._objects = 0
        self._weight = 0.0
        self._sum = 0.0

    def note(self, now: float, objects: int) -> float | None:
        """The average when so many objects were done in all by now; None while nothing is known."""
        elapsed, done = now - self._at, objects - self._objects
        if elapsed <= 0:
            return self._sum / self._weight if self._weight else None
        kept = 0.5 ** (elapsed / _REMEMBERED_SECONDS)
        self._sum = self._sum * kept + done
        self._weight = self._weight * kept + elapsed
        self._at, self._objects = now, objects
        return self._sum / self._weight


def progress(counts: Counts) -> Progress:
    """What the counts of a running cycle say; a cycle of changes does not know how many there are."""
    percent = left = None
    if counts.pages_total:
        # The last per cent are the references, which come after everybody has been read.
        percent = min(99, counts.pages * 100 // counts.pages_total)
    if counts.total is not None and counts.objects_per_second:
        left = round(max(0, counts.total - counts.imported) / counts.objects_per_second, 1)
    return Progress(counts.pages, counts.pages_total, percent, counts.objects_per_second, left)

"""At what pace one target is asked: so many requests a second, so many at once, and none before it wants to be asked again.

Times are seconds on a clock that never goes back. What is learnt from answers follows TCP: one step down for each time
the target objects, however many requests were under way, and small steps up as long as it does not.
"""

from __future__ import annotations

_LATE_SECONDS = 0.05
"""A request that comes so much too late does not delay those after it; beyond that nothing is caught up on."""

_BELOW = 0.98
"""How far below what was measured requests are sent, so that a little jitter on the way is no excess."""
_DOWN = 0.97
_DOWN_AT_MOST = (0.95, 0.8, 0.5)
"""The most that one objection soon after the last lowers the rate; the first may be jitter, the third is none."""
_UP = 0.03
_RAISED_FOR_SECONDS = 5.0
_HELD_FOR_SECONDS = 10.0
_HELD_FOR_AT_MOST_SECONDS = 600.0
_RELATED_SECONDS = 600.0
_RAISES = 12
"""After so many raises in a row, which multiply the rate by some hundreds, there is nothing to keep to."""

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 64.0

_SLOW_SECONDS = 1.0
_SLOWER = 3.0
_SMOOTH = 1 / 8
_FEW = 8


class Pace:
    """When the next request may go out.

    `concurrency` and `most_per_second` are never exceeded (0: as many as the target takes); `learnt_per_second` is what an
    earlier Pace came to (0: nothing).
    """

    def __init__(self, concurrency: int, most_per_second: float = 0.0, learnt_per_second: float = 0.0) -> None:
        assert concurrency > 0, "at least one request at a time"
        self._most, self._most_per_second = concurrency, most_per_second
        self._window = float(concurrency)
        self._sent = self._shrunk_at = self._objected_to = 0
        self._next_at = 0.0
        self._resume_at = 0.0
        self._latency = _Latency()
        self._rate = _Rate(learnt_per_second)
        self._pauses_in_a_row = 0

    @property
    def concurrency(self) -> int:
        """How many requests may be under way at once now."""
        return int(self._window)

    @property
    def learnt_per_second(self) -> float:
        """How many requests a second the target was found to take; 0 while it never objected."""
        return self._rate.kept

    def wait_seconds(self, now: float) -> float:
        """How long until the next request may go out; 0: it may now."""
        rate = self._per_second()
        bucket = self._next_at - now if rate else 0.0
        if bucket > 0:
            self._rate.is_limit = True
        return max(0.0, bucket, self._resume_at - now)

    def pause_seconds(self, now: float) -> float:
        """How long the target wants to be left alone."""
        return max(0.0, self._resume_at - now)

    def has_room(self, under_way: int) -> bool:
        """Whether one more may be under way."""
        # Where it objected and took nothing since, one asks for all whether it is open again.
        return under_way < (1 if self._pauses_in_a_row else int(self._window))

    def sent(self, now: float) -> int:
        """A request goes out; its number, by which its answer is told from answers to earlier ones."""
        self._sent += 1
        self._rate.grow(now)
        rate = self._per_second()
        if rate:
            self._next_at = max(self._next_at, now - min(_LATE_SECONDS, 1 / rate)) + 1 / rate
        return self._sent

    def answered(self, number: int, now: float, seconds: float | None) -> None:
        """The target took a request, whatever it said to it; `seconds`: how long it took, where that can be compared."""
        self._pauses_in_a_row = 0
        self._rate.accepted(now)
        if seconds is not None and self._latency.is_rising(seconds):
            self._shrink(number, 0.8)
        elif self._window < self._most:
            self._window = min(self._most, self._window + 1 / self._window)

    def overloaded(self, number: int) -> None:
        """The target could not answer: it timed out, or something in front of it said that it is not there."""
        self._shrink(number, 0.5)

    def throttled(self, number: int, now: float, retry_after_seconds: float | None) -> None:
        """The target asks to slow down; without a time to wait one is chosen, longer each time in a row."""
        is_news = number > self._objected_to
        if is_news:
            self._shrink(number, 0.5)
            self._rate.objected(now, self._resume_at)
            self._objected_to = self._sent
            self._pauses_in_a_row += 1
        pause = retry_after_seconds or 0.0
        if is_news and (retry_after_seconds is None or self._pauses_in_a_row > 1):
            pause = max(pause, self._chosen_pause(retry_after_seconds is None))
        self._resume_at = max(self._resume_at, now + pause)
        self._next_at = max(self._next_at, self._resume_at)
        self._rate.hold(self._resume_at)

    def _chosen_pause(self, is_only_one: bool) -> float:
        """Doubled for each objection in a row without anything taken in between, whatever the target says."""
        doublings = min(self._pauses_in_a_row - (1 if is_only_one else 2), 20)
        rate = self._rate.per_second
        first = min(_FIRST_PAUSE_SECONDS, 2 / rate) if rate else _FIRST_PAUSE_SECONDS
        return min(first * 2.0**doublings, _LONGEST_PAUSE_SECONDS)

    def _per_second(self) -> float:
        """The rate that holds now; 0 for none."""
        learnt, most = self._rate.per_second, self._most_per_second
        return min(learnt, most) if learnt and most else learnt or most

    def _shrink(self, number: int, factor: float) -> None:
        """Once for all requests that were under way together."""
        if number > self._shrunk_at:
            self._window = max(1.0, self._window * factor)
            self._shrunk_at = self._sent


class _Latency:
    """Whether a target answers more slowly than it did: by far, and so that it matters."""

    def __init__(self) -> None:
        self._samples = 0
        self._smoothed = 0.0
        self._least = 0.0

    def is_rising(self, seconds: float) -> bool:
        self._samples += 1
        # The first few are averaged; from then on the average forgets.
        self._smoothed += (seconds - self._smoothed) * max(_SMOOTH, 1 / self._samples)
        if self._samples <= _FEW or self._smoothed < self._least:
            self._least = self._smoothed
        return self._smoothed > _SLOW_SECONDS and self._smoothed > _SLOWER * self._least


class _Rate:
    """How many requests a second a target takes, learnt from when it objects.

    `per_second` is what is kept to now, `kept` what was kept to without an objection; 0: nothing is known. `is_limit`:
    a request had to wait for it since the last raise.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = self.kept = per_second
        self.is_limit = False
        self._held_for = _HELD_FOR_SECONDS
        self._raise_at: float | None = None
        self._raises = 0
        self._soon_in_a_row = 0
        self._began: float | None = None
        self._objected_at: float | None = None
        self._taken = 0
        self._second, self._in_second, self._in_second_before = 0, 0, 0

    def accepted(self, now: float) -> None:
        """The target took a request."""
        self._taken += 1
        if self._began is None:
            self._began = now
        if int(now) != self._second:
            self._in_second_before = self._in_second if int(now) == self._second + 1 else 0
            self._second, self._in_second = int(now), 0
        self._in_second += 1

    def objected(self, now: float, resumed_at: float) -> None:
        """The target takes no more; `resumed_at`: until when nothing was sent after it had objected the last time."""
        taken, began = self._taken, self._began
        first = self._objected_at is None or now - self._objected_at > _RELATED_SECONDS
        self._taken, self._began, self._objected_at = 0, now, now
        if not taken or began is None:
            return  # closed altogether, which says nothing about a rate
        if not self.per_second and first:
            return  # once may be chance: it pauses, and is measured from
        if not self.per_second:
            self.per_second = _BELOW * max(self._in_second, self._in_second_before, 1)
        elif self._raises:
            self.per_second = self.kept
            self._held_for = min(2 * self._held_for, _HELD_FOR_AT_MOST_SECONDS)
        else:
            self.per_second = self._lowered(taken, began, now, resumed_at)
        self.kept, self._raises = self.per_second, 0

    def _lowered(self, taken: int, began: float, now: float, resumed_at: float) -> float:
        stalled = max(0.0, min(resumed_at, now) - began)
        active = now - began - stalled
        if active > 3 * stalled:
            self._soon_in_a_row = 0
            return self.per_second * _DOWN
        self._soon_in_a_row += 1
        # Mostly waited: what it took since it objected the last time, over all that time, is what it takes where it saves
        # up; the rate that was kept to is too much. The truth lies between, and closer each time.
        measured = taken / max(now - began, 1e-3)
        least = _DOWN_AT_MOST[min(self._soon_in_a_row, len(_DOWN_AT_MOST)) - 1]
        return max(self.per_second * least, min(self.per_second, (measured + self.per_second) / 2) * _BELOW)

    def hold(self, until: float) -> None:
        """No raise before some time after the pause that ends then."""
        self._raise_at = until + self._held_for

    def grow(self, now: float) -> None:
        """Ask for a little more when all went well for a while, and for more and more as long as it does."""
        if not self.per_second:
            return
        if self._raise_at is None:  # learnt by an earlier Pace
            self.hold(now)
        if self._raise_at is None or now < self._raise_at or not self.is_limit:
            return
        self.kept = self.per_second
        if self._raises == _RAISES:
            self.per_second = self.kept = 0.0
            self._raises, self._held_for = 0, _HELD_FOR_SECONDS
            return
        self.per_second *= 1 + min(1.0, _UP * 2.0**self._raises)
        self._raises += 1
        self._raise_at = now + max(_RAISED_FOR_SECONDS, 8 / self.per_second)
        self.is_limit = False

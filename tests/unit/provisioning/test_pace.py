"""A target's limits are used without a storm of refusals, and what it takes is learnt from its answers (rules C8, C9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from rollcall.provisioning.connectors.contract import Done, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeTarget
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.pace import Pace
from tests.unit.provisioning.virtual_time import run_virtually, runtime

_LATENCY = 0.08


@dataclass
class Bucket:
    """Takes so many requests a second and saves up for a burst."""

    rate: float
    burst: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.burst

    def takes(self, now: float) -> bool:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass
class Window:
    """Takes so many requests in each window of the clock and forgets what was not used."""

    rate: float
    seconds: float = 1.0
    window: int = -1
    used: int = 0

    def takes(self, now: float) -> bool:
        if int(now / self.seconds) != self.window:
            self.window, self.used = int(now / self.seconds), 0
        self.used += 1
        return self.used <= self.rate * self.seconds


@dataclass
class Sliding:
    """Takes so many requests within any second."""

    rate: float
    taken: list[float] = field(default_factory=list)

    def takes(self, now: float) -> bool:
        if len([at for at in self.taken[-int(self.rate) :] if at > now - 1]) >= self.rate:
            return False
        self.taken.append(now)
        return True


@dataclass
class Limited:
    """What became of requests to a target that takes so many and answers 429 above."""

    limit: Bucket | Window | Sliding
    retry_after: float | None
    done: list[int] = field(default_factory=list)
    turned_away: int = 0

    async def ask(self, number: int) -> Outcome:
        # Not all requests take the same way, so that they do not come as evenly as they went.
        await asyncio.sleep(_LATENCY * (0.9 + number * 7 % 10 / 50))
        if not self.limit.takes(asyncio.get_running_loop().time()):
            self.turned_away += 1
            return Refused("TooManyRequests", "Slow down.", 429, self.retry_after)
        self.done.append(number)
        return Done()


def _call(limited: Limited, number: int) -> Callable[[], object]:
    return lambda: limited.ask(number)


async def _send(limited: Limited, requests: int) -> float:
    sender = Exporter(FakeTarget(), runtime(), 16)
    calls = [_call(limited, number) for number in range(requests)]
    answers = await sender.send_all(calls)  # type: ignore[arg-type]  # each is a call for an answer
    assert answers == [Done()] * requests
    return asyncio.get_running_loop().time()


_LIMITS: dict[str, Callable[[], Bucket | Window | Sliding]] = {
    "bucket": lambda: Bucket(5, 5),
    "bucket of four seconds": lambda: Bucket(5, 20),
    "window of a second": lambda: Window(5),
    "window of ten seconds": lambda: Window(5, 10),
    "window of a minute": lambda: Window(5, 60),
    "sliding second": lambda: Sliding(5),
    "twenty five a second": lambda: Bucket(25, 25),
    "a hundred a second": lambda: Window(100),
}


@pytest.mark.parametrize("retry_after", [None, 1.0], ids=["no time", "one second"])
@pytest.mark.parametrize("limit", _LIMITS)
def test_a_limit_is_used_to_95_percent_and_nothing_is_lost_or_doubled(limit: str, retry_after: float | None) -> None:
    """Rule C9: a target that allows 5 requests a second (and others) and answers 429 above."""
    limited = Limited(_LIMITS[limit](), retry_after)
    requests = int(limited.limit.rate * 400)

    seconds = run_virtually(_send(limited, requests))

    assert sorted(limited.done) == list(range(requests))
    used = requests / seconds / limited.limit.rate
    assert used >= 0.95
    # A window longer than a second that is not told is looked for.
    is_told = "seconds" not in limit and "minute" not in limit
    assert limited.turned_away <= (0.02 if is_told else 0.08) * requests


def test_a_target_without_limits_is_asked_as_fast_as_it_answers() -> None:
    limited = Limited(Bucket(1e9, 1e9), None)

    seconds = run_virtually(_send(limited, 1600))

    assert seconds == pytest.approx(1600 / 16 * _LATENCY, rel=0.1)


def test_a_target_that_takes_more_again_is_asked_for_more() -> None:
    """The learnt rate is tried again and again, sooner where that goes well."""
    limited = Limited(Bucket(5, 5), 1.0)

    async def grow() -> float:
        sending = asyncio.create_task(_send(limited, 4000))
        await asyncio.sleep(60)
        limited.limit = Bucket(50, 50)
        return await sending

    assert run_virtually(grow()) < 60 + 3700 / 50 + 120


def test_one_objection_alone_sets_no_rate() -> None:
    """A hiccup at the beginning of a cycle does not slow all the rest of it."""
    pace = Pace(4)
    for _ in range(3):
        pace.answered(pace.sent(0), 0.01, 0.01)
    pace.throttled(pace.sent(0.01), 0.02, 2.0)

    assert pace.wait_seconds(0.02) == 2
    assert pace.learnt_per_second == 0


def test_requests_that_were_under_way_together_count_as_one_objection() -> None:
    pace = Pace(16)
    numbers = [pace.sent(0) for _ in range(16)]
    for number in numbers:
        pace.throttled(number, 0.1, None)

    assert pace.concurrency == 8
    assert pace.pause_seconds(0.1) == 1


def test_concurrency_halves_when_the_target_times_out_and_grows_back_with_its_answers() -> None:
    pace = Pace(16)
    for _ in range(3):
        pace.overloaded(pace.sent(0))
    assert pace.concurrency == 2

    for _ in range(300):
        pace.answered(pace.sent(1), 1, 0.01)
    assert pace.concurrency == 16


def test_concurrency_falls_while_the_target_gets_slower_and_slower() -> None:
    pace = Pace(16)
    for _ in range(20):
        pace.answered(pace.sent(0), 0, 0.2)
    assert pace.concurrency == 16

    for _ in range(40):
        pace.answered(pace.sent(0), 0, 3.0)
    assert pace.concurrency < 4


def test_a_target_that_is_slow_but_no_slower_than_before_keeps_its_requests() -> None:
    pace = Pace(16)
    for _ in range(50):
        pace.answered(pace.sent(0), 0, 4.0)

    assert pace.concurrency == 16


def test_concurrency_never_falls_below_one() -> None:
    pace = Pace(2)
    for _ in range(10):
        pace.overloaded(pace.sent(0))

    assert pace.concurrency == 1
    assert pace.has_room(0)


def test_timeouts_shrink_what_is_under_way() -> None:
    """Requests in flight at once follow the target: half after a timeout."""

    async def most_under_way() -> int:
        under_way, most, sent = 0, 0, 0

        async def call() -> Outcome:
            nonlocal under_way, most, sent
            sent += 1
            number, under_way = sent, under_way + 1
            most = max(most, under_way if 9 <= number <= 12 else 0)
            await asyncio.sleep(0.1)
            under_way -= 1
            return Unanswered("Timeout", "No answer.") if number <= 8 else Done()

        await Exporter(FakeTarget(), runtime(), 8).send_all([call] * 40)
        return most

    assert run_virtually(most_under_way()) == 4

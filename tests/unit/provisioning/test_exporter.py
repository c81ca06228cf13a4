"""Requests go out so many at once, at the pace the target asks for, until it is away (rule C9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded

import pytest

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Done, Found, Many, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeTarget
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.failure_classes import INCOMPATIBLE_FILTERING
from rollcall.provisioning.model import Key, Operation, PatchOperation
from tests.simulation.clock import VirtualRuntime
from tests.unit.provisioning.builders import ADA, BOB, RED

AWAY = Refused("WebExceptionProtocolError", "Connection refused.", away=True)
LOST = Unanswered("Timeout", "No answer.", away=True)
DENIED = Refused("Unauthorized", "The secret token is not accepted.", 401, denied=True)
DONE = Done()

Call = Callable[[], Awaitable[Outcome]]


def slow_down(seconds: float) -> Refused:
    return Refused("TooManyRequests", "Slow down.", 429, retry_after_seconds=seconds)


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime(Random(1))


def exporter(runtime: VirtualRuntime, concurrency: int = 1, target: FakeTarget | None = None) -> Exporter:
    return Exporter(target or FakeTarget(), runtime, concurrency)


def saying(*answers: Outcome) -> Call:
    """A request that is answered like this, one answer after the other."""
    remaining = list(answers)

    async def call() -> Outcome:
        return remaining.pop(0)

    return call


async def send(sender: Exporter, *answers: Outcome) -> Sequence[Outcome | None]:
    """One request for each answer."""
    return await sender.send_all([saying(answer) for answer in answers])


async def test_answers_come_in_the_order_of_the_requests(runtime: VirtualRuntime) -> None:
    answers: list[Outcome] = [Done({"id": str(number)}) for number in range(20)]

    assert await send(exporter(runtime, 4), *answers) == answers


async def test_nothing_to_send_is_no_work(runtime: VirtualRuntime) -> None:
    assert await send(exporter(runtime)) == []


@pytest.mark.parametrize("concurrency", [1, 3, 16])
async def test_no_more_requests_are_under_way_than_allowed(runtime: VirtualRuntime, concurrency: int) -> None:
    under_way, most = 0, 0

    async def call() -> Outcome:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        under_way -= 1
        return DONE

    await exporter(runtime, concurrency).send_all([call] * 10)

    assert most == min(concurrency, 10)


async def test_a_request_that_is_throttled_is_repeated_after_the_pause(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)

    answers = await sender.send_all([saying(slow_down(5), slow_down(7), DONE)])

    assert answers == [DONE]
    assert runtime.monotonic() == 12
    assert (sender.traffic.requests, sender.traffic.throttled) == (3, 2)


async def test_the_pause_holds_for_all_requests(runtime: VirtualRuntime) -> None:
    sent_at: list[float] = []

    async def call() -> Outcome:
        number = len(sent_at)
        sent_at.append(runtime.monotonic())
        return slow_down(30) if number == 1 else DONE

    await exporter(runtime, 2).send_all([call] * 4)

    assert sorted(sent_at) == [0, 0, 30, 30, 30]


async def test_the_pause_holds_for_the_requests_of_the_next_page(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)
    await sender.send_all([saying(slow_down(40), DONE)])
    assert await send(sender, DONE) == [DONE]

    assert runtime.monotonic() == 40


async def test_a_target_that_wants_to_be_left_alone_beyond_patience_ends_the_cycle_until_then(
    runtime: VirtualRuntime,
) -> None:
    """Rule C9: nothing is lost, and what was not attempted has not failed."""
    sender = exporter(runtime)

    assert await send(sender, DONE, slow_down(121), DONE) == [DONE, None, None]
    assert sender.resume_at == runtime.now() + timedelta(seconds=121)
    assert sender.stopped is not None
    assert sender.stopped.code == "TooManyRequests"
    assert runtime.monotonic() == 0


async def test_patience_with_a_target_that_takes_nothing_ends_the_cycle(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)

    answers = await sender.send_all([saying(slow_down(100), slow_down(100), DONE)])

    assert answers == [None]
    assert runtime.monotonic() == 100
    assert sender.resume_at == runtime.now() + timedelta(seconds=100)


async def test_patience_with_one_request_ends_where_others_get_through(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime, 4)

    def after(turns: int, answer: Outcome) -> Call:
        async def call() -> Outcome:
            for _ in range(turns):
                await asyncio.sleep(0)
            return answer

        return call

    answers = await sender.send_all([after(5, slow_down(100)), *[after(3, DONE)] * 20])

    assert answers == [slow_down(100), *[DONE] * 20]
    assert sender.stopped is None


async def test_a_target_that_throttles_without_a_time_is_left_alone_longer_each_time(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)
    plain = Refused("TooManyRequests", "Slow down.", 429)

    assert await sender.send_all([saying(plain, plain, plain, DONE)]) == [DONE]
    assert runtime.monotonic() == 1 + 2 + 4


async def test_a_target_that_says_at_once_and_turns_away_all_the_same_is_not_stormed(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)

    assert await sender.send_all([saying(*[slow_down(0)] * 100)]) == [None]
    assert sender.traffic.requests < 12


async def test_a_query_answered_404_ends_the_cycle(runtime: VirtualRuntime) -> None:
    """Rule Q1: a compliance error."""
    sender = exporter(runtime)
    answer = Refused(INCOMPATIBLE_FILTERING, "A query that finds nothing is answered 200.", 404)

    assert await send(sender, answer, DONE) == [answer, None]
    assert sender.stopped is not None


async def test_operations_that_are_turned_away_inside_a_bulk_answer_are_sent_again(runtime: VirtualRuntime) -> None:
    """Rule C9: those that were taken are not sent twice."""
    turned_away = ["before create", "before create"]

    async def throttling(moment: str) -> Refused | None:
        if moment == "before create" and len(target.requests) > 2 and turned_away:
            turned_away.pop()
            return Refused("TooManyRequests", "Slow down.", 429)
        return None

    target = FakeTarget(throttling, Capabilities(bulk=True, bulk_operations=10))
    sender = Exporter(target, runtime, 1, bulk=True)
    wave = [Operation(Key("User", str(each)), "create", None, {"userName": f"u{each}"}) for each in range(4)]

    results = await sender.export([wave])

    assert sorted(operation.key.id for operation, outcome, _ in results if isinstance(outcome, Done)) == list("0123")
    assert len(target.resources["User"]) == 4
    assert not turned_away


@pytest.mark.parametrize("rate", [1, 5, 25])
async def test_a_rate_that_the_job_sets_is_never_exceeded(runtime: VirtualRuntime, rate: int) -> None:
    """Rule C8: so many requests a second, look-ups and changes alike."""
    target = FakeTarget()
    sender = Exporter(target, runtime, 16, requests_per_second=rate)

    await sender.send_all([lambda: target.find("User", "userName", "ada")] * (3 * rate))
    await sender.export([[Operation(ADA, "create", None, {"userName": "a"})]])

    assert runtime.monotonic() == pytest.approx(3, abs=0.06)


async def test_what_a_target_was_found_to_take_is_known_to_the_next_cycle(runtime: VirtualRuntime) -> None:
    target = FakeTarget()
    sender = exporter(runtime, 1, target)
    await sender.send_all([saying(DONE), saying(slow_down(1), DONE), saying(slow_down(1), DONE)])

    assert 0 < target.capabilities.requests_per_second < 2
    began = runtime.monotonic()
    await send(exporter(runtime, 1, target), *[DONE] * 11)
    assert runtime.monotonic() - began == pytest.approx(10 / target.capabilities.requests_per_second, abs=0.1)


async def test_a_rehearsal_waits_for_no_pace_where_it_sends_nothing(runtime: VirtualRuntime) -> None:
    target = FakeTarget()
    sender = Exporter(target, runtime, 1, requests_per_second=1, rehearsed=True)

    await sender.export([[Operation(Key("User", str(n)), "create", None, {"userName": f"u{n}"}) for n in range(9)]])

    assert runtime.monotonic() == 0


@pytest.mark.parametrize("answer", [AWAY, LOST], ids=["refused", "unanswered"])
async def test_a_target_that_is_away_stops_the_cycle(runtime: VirtualRuntime, answer: Outcome) -> None:
    sender = exporter(runtime)

    answers = await send(sender, *[answer] * 8)

    assert answers == [answer] * 5 + [None] * 3
    assert sender.stopped is not None
    assert sender.traffic.requests == 5


async def test_any_other_answer_in_between_shows_that_it_is_there(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)

    await send(sender, *([AWAY] * 4 + [Refused("Conflict", "Taken.", 409)]) * 3)

    assert sender.stopped is None


async def test_refused_credentials_stop_the_cycle_at_once(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)

    answers = await send(sender, DONE, DENIED, DONE)

    assert answers == [DONE, DENIED, None]
    assert sender.stopped is not None
    assert sender.stopped.code == "Unauthorized"


async def test_credentials_refused_inside_a_bulk_answer_stop_the_cycle_too(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)

    async def together() -> Many:
        return Many([DONE, DENIED])

    answers = await sender.send_all([together, together])

    assert answers == [Many([DONE, DENIED]), None]
    assert sender.stopped is not None
    assert sender.stopped.code == "Unauthorized"


async def test_what_was_stopped_sends_nothing_more(runtime: VirtualRuntime) -> None:
    sender = exporter(runtime)
    await send(sender, DENIED)

    assert await send(sender, DONE, DONE) == [None, None]
    assert await sender.export([[Operation(ADA, "delete", "1", {})]]) == [(Operation(ADA, "delete", "1", {}), None, 0)]


class PatientRuntime(VirtualRuntime):
    """A clock on which somebody who sleeps lets others go first."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        await super().sleep(seconds)


async def test_requests_that_wait_out_a_pause_are_not_sent_once_the_cycle_is_stopped() -> None:
    sender = exporter(PatientRuntime(Random(1)), 2)
    sent: list[str] = []

    async def throttled() -> Outcome:
        sent.append("throttled")
        await asyncio.sleep(0)
        return slow_down(10)

    async def denied() -> Outcome:
        sent.append("denied")
        await asyncio.sleep(0)
        return DENIED

    answers = await sender.send_all([throttled, denied])

    assert answers == [None, DENIED]
    assert sent == ["throttled", "denied"]


async def test_a_fault_of_our_own_ends_all_requests(runtime: VirtualRuntime) -> None:
    finished: list[int] = []

    async def slow() -> Outcome:
        for _ in range(5):
            await asyncio.sleep(0)
        finished.append(1)
        return DONE

    async def faulty() -> Outcome:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await exporter(runtime, 3).send_all([slow, faulty, slow])

    assert finished == []


async def test_waves_go_one_after_the_other_and_each_operation_says_what_it_is(runtime: VirtualRuntime) -> None:
    target = FakeTarget()
    user = target.make_by_hand("User", {"userName": "bob"})
    group = target.make_by_hand("Group", {"displayName": "Red"})
    patch = (PatchOperation("replace", "title", "Dr"),)
    waves = [
        [Operation(BOB, "update", user, {}, patch=patch), Operation(RED, "delete", group, {})],
        [Operation(ADA, "create", None, {"userName": "ada"})],
    ]

    results = await exporter(runtime, 4, target).export(waves)

    assert [operation.action for operation, _, _ in results] == ["update", "delete", "create"]
    assert all(isinstance(outcome, Done) for _, outcome, _ in results)
    assert target.requests == [("update", "User"), ("delete", "Group"), ("create", "User")]
    assert target.resources["User"][user]["title"] == "Dr"


async def test_the_duration_of_a_request_is_measured(runtime: VirtualRuntime) -> None:
    async def slow(_moment: str) -> None:
        await runtime.sleep(0.25)

    target = FakeTarget(slow)

    ((_, _, duration),) = await exporter(runtime, 1, target).export(
        [[Operation(ADA, "create", None, {"userName": "a"})]]
    )

    assert duration == 500


async def test_questions_go_the_same_way(runtime: VirtualRuntime) -> None:
    target = FakeTarget()
    sender = exporter(runtime, 1, target)

    answers = await sender.send_all([lambda: target.find("User", "userName", "ada")])

    assert answers == [Found([], 0)]
    assert sender.traffic.requests == 1

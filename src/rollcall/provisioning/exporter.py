"""Carries requests out: so many at once, at the pace the target asks for, and stops when the target is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from rollcall.provisioning.connectors.bulk import of_one
from rollcall.provisioning.connectors.contract import Done, Found, Many, Outcome, Refused, Target, Unanswered
from rollcall.provisioning.failure_classes import Follows, follows
from rollcall.provisioning.meter import NO_METER, Meter
from rollcall.provisioning.model import Operation, PatchOperation, Problem
from rollcall.provisioning.pace import Pace
from rollcall.provisioning.redaction import Hidden, without
from rollcall.runtime import Runtime

_PATIENCE_SECONDS = 120.0
"""How long one request is repeated while the target asks to come back later (rule C9); beyond it the cycle ends until then."""

_AWAY_IN_A_ROW = 5
"""So many answers in a row that speak of the whole target being away end the cycle."""

_AT_ONCE_SECONDS = 1e-6
"""No clock waits for less."""

_TURNED_AWAY = frozenset({Follows.RETRY, Follows.PAUSE})
_FOR_THE_WHOLE_TARGET = frozenset({Follows.STOP, Follows.QUARANTINE})
_NO_BULK = frozenset({400, 404, 405, 501})
_TOO_LARGE = 413

Answer = TypeVar(
    "Answer", Done | Refused | Unanswered, Found | Refused | Unanswered, Many | Done | Refused | Unanswered
)
Result = tuple[Operation, Outcome | None, int]


@dataclass(slots=True)
class Traffic:
    """What went over the wire: requests sent, and how often the target asked to slow down."""

    requests: int = 0
    throttled: int = 0


class Exporter:
    """Sends requests of one cycle to one target.

    `stopped` tells why nothing more is sent: the target is away, does not accept the credentials, or wants to be left alone
    until `resume_at`. A request that was not attempted, or turned away until later, has no answer (None), and surely did
    nothing. `hidden`: values of the objects at hand that `stopped` must not repeat, whatever the target says. `bulk`: operations of one wave go out together where the target takes them so. `requests_per_second`: no more
    than these; 0: as many as the target takes. `rehearsed`: what would write is not sent, so it needs no pace.
    """

    def __init__(
        self,
        target: Target,
        runtime: Runtime,
        concurrency: int,
        *,
        bulk: bool = False,
        requests_per_second: float = 0.0,
        rehearsed: bool = False,
        meter: Meter = NO_METER,
    ) -> None:
        assert concurrency > 0, "at least one request at a time"
        self.target = target
        self.traffic = Traffic()
        self.stopped: Problem | None = None
        self.resume_at: datetime | None = None
        self.hidden = Hidden()
        self._bulk = bulk
        self._rehearsed = rehearsed
        self._runtime = runtime
        self._concurrency = concurrency
        self._pace = Pace(concurrency, requests_per_second, target.capabilities.requests_per_second)
        self.meter = meter
        self._turns = asyncio.Lock()
        self._returned = asyncio.Event()
        self._under_way = 0
        self._away_in_a_row = 0
        self._taken = 0

    async def send_all(
        self, calls: Sequence[Callable[[], Awaitable[Answer]]], *, writes: bool = False
    ) -> list[Answer | None]:
        """The answers to `calls`, in their order; None for those that were not attempted."""
        answers: list[Answer | None] = [None] * len(calls)
        waiting = iter(enumerate(calls))
        send = self._pretend if writes and self._rehearsed else self._send

        async def work() -> None:
            for position, call in waiting:
                if self.stopped is not None:
                    return
                answers[position] = await send(call)

        workers = [asyncio.ensure_future(work()) for _ in range(min(self._concurrency, len(calls)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return answers

    async def _pretend(self, call: Callable[[], Awaitable[Answer]]) -> Answer | None:
        self.traffic.requests += 1
        return await call()

    async def _send(self, call: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """The answer; one that was turned away is sent again when its time comes, for so long."""
        give_up_at, taken_before = None, 0
        while (number := await self._take_turn()) is not None:
            answer, seconds = await self._ask(call)
            now = self._runtime.monotonic()
            patience = _PATIENCE_SECONDS if give_up_at is None else give_up_at - now
            if not isinstance(answer, Refused) or not _is_turned_away(answer):
                self._heed(answer, number, seconds)
                return answer
            self._away_in_a_row = 0
            self._slow_down(answer.retry_after_seconds, number)
            if give_up_at is None:
                give_up_at, taken_before = now + _PATIENCE_SECONDS, self._taken
            wait = self._pace.pause_seconds(now)
            if wait > _PATIENCE_SECONDS or (wait > patience and self._taken == taken_before):
                self._stay_away(answer, wait)
            elif wait > patience:
                return answer  # others get through, so it is about this one
        return None

    async def _take_turn(self) -> int | None:
        """Wait until one more request may go out, and give it its number; None when nothing is sent any more."""
        if not self._turns.locked() and self._is_free(self._runtime.monotonic()):
            return self._go()
        async with self._turns:  # one waits at a time, the others behind it
            while self.stopped is None:
                now = self._runtime.monotonic()
                if self._is_free(now):
                    return self._go()
                if (pause := self._pace.wait_seconds(now)) >= _AT_ONCE_SECONDS:
                    await self._runtime.sleep(pause)
                else:
                    self._returned.clear()
                    await self._returned.wait()
        return None

    def _is_free(self, now: float) -> bool:
        return (
            self.stopped is None
            and self._pace.has_room(self._under_way)
            and self._pace.wait_seconds(now) < _AT_ONCE_SECONDS
        )

    def _go(self) -> int:
        self.traffic.requests += 1
        self._under_way += 1
        return self._pace.sent(self._runtime.monotonic())

    async def _ask(self, call: Callable[[], Awaitable[Answer]]) -> tuple[Answer, float]:
        sent_at = self._runtime.monotonic()
        try:
            answer = await call()
        finally:
            self._under_way -= 1
            self._returned.set()
        seconds = self._runtime.monotonic() - sent_at
        self.meter.answered(answer, seconds)
        return answer, seconds

    def _slow_down(self, retry_after_seconds: float | None, number: int) -> None:
        self.traffic.throttled += 1
        self._pace.throttled(number, self._runtime.monotonic(), retry_after_seconds)
        learnt = round(self._pace.learnt_per_second, 3)
        if learnt != self.target.capabilities.requests_per_second:
            self._learn(requests_per_second=learnt)

    def _stay_away(self, answer: Refused, seconds: float) -> None:
        self.resume_at = self._runtime.now() + timedelta(seconds=seconds)
        self.stopped = self.stopped or self._problem(answer)

    def _problem(self, answer: Refused | Unanswered) -> Problem:
        """Why nothing more is sent; it is told to many, so it repeats nothing that is hidden."""
        return Problem(answer.code, without(answer.reason, self.hidden))

    def _heed(self, answer: Done | Found | Many | Refused | Unanswered, number: int, seconds: float) -> None:
        """Take from an answer what it says of the whole target."""
        if isinstance(answer, Unanswered) and (answer.away or answer.code == "Timeout"):
            self._pace.overloaded(number)
        else:
            self._taken += 1
            # A request with many operations takes as long as they do.
            comparable = None if isinstance(answer, Many) else seconds
            self._pace.answered(number, self._runtime.monotonic(), comparable)
        for each in answer.outcomes if isinstance(answer, Many) else (answer,):
            if isinstance(each, Refused | Unanswered) and follows(each, _PATIENCE_SECONDS) in _FOR_THE_WHOLE_TARGET:
                self.stopped = self._problem(each)  # the same holds for the rest
        if isinstance(answer, Many) and any(map(_is_turned_away, answer.outcomes)):
            self._slow_down(None, number)
        if isinstance(answer, Refused | Unanswered) and answer.away:
            self._away_in_a_row += 1
            if self._away_in_a_row >= _AWAY_IN_A_ROW:
                self.stopped = self._problem(answer)
        else:
            self._away_in_a_row = 0

    async def export(self, waves: Sequence[Sequence[Operation]]) -> list[Result]:
        """Each operation of the waves with its outcome and its duration in milliseconds."""
        results: list[Result] = []
        for wave in waves:
            results.extend(await self._export(wave))
        return results

    async def _export(self, wave: Sequence[Operation]) -> list[Result]:
        """One wave: in parts where the target takes many operations in one request, else one by one."""
        together = self._bulk and self.target.capabilities.bulk and len(wave) > 1
        parts = list(self.target.parts(wave)) if together else [[operation] for operation in wave]
        results: list[Result] = []
        while parts:
            durations = [0] * len(parts)
            calls = [self._timed(part, durations, position) for position, part in enumerate(parts)]
            answers = await self.send_all(calls, writes=True)
            again: list[Sequence[Operation]] = []
            for part, answer, duration in zip(parts, answers, durations, strict=True):
                smaller = self._smaller(part, answer)
                again.extend(smaller)
                if not smaller:
                    each = _each(part, answer, duration)
                    later = _turned_away_of_many(each)
                    results.extend(result for result in each if not later or result[0] not in later)
                    again.extend([later] if later else [])
            parts = again
        return results

    def _smaller(self, part: Sequence[Operation], answer: object) -> Sequence[Sequence[Operation]]:
        """The part in smaller ones, where the target refused it as a whole for being one; nothing else."""
        if len(part) == 1 or not isinstance(answer, Refused):
            return ()
        if answer.status == _TOO_LARGE:
            middle = len(part) // 2
            self._learn(bulk_operations=min(middle, self.target.capabilities.bulk_operations), bulk=middle > 1)
            return (part[:middle], part[middle:])
        if answer.status in _NO_BULK:
            if answer.status != 400:  # a 400 may be about what is in it
                self._learn(bulk=False)
            return [[operation] for operation in part]
        return ()

    def _learn(self, **values: float) -> None:
        self.target.capabilities = self.target.capabilities.known("learnt", **values)

    def _timed(
        self, part: Sequence[Operation], durations: list[int], position: int
    ) -> Callable[[], Awaitable[Many | Done | Refused | Unanswered]]:
        async def call() -> Many | Done | Refused | Unanswered:
            began = self._runtime.monotonic()
            answer = await (self._carry_out(part[0]) if len(part) == 1 else self.target.bulk(part))
            durations[position] = int((self._runtime.monotonic() - began) * 1000)
            return answer

        return call

    async def _carry_out(self, operation: Operation) -> Done | Refused | Unanswered:
        kind = operation.key.kind
        if operation.action == "create":
            return await self.target.create(kind, operation.values)
        assert operation.target_id is not None, "only a creation has no target id"
        if operation.action == "delete":
            return await self.target.delete(kind, operation.target_id)
        return await self.target.update(kind, operation.target_id, operation.patch)

    async def update_all(
        self, requests: Sequence[tuple[str, str, Sequence[PatchOperation]]]
    ) -> list[Done | Refused | Unanswered | None]:
        """Answers to updates given as kind, target id and operations, in their order."""
        return await self.send_all([self._update(*request) for request in requests], writes=True)

    def _update(
        self, kind: str, target_id: str, operations: Sequence[PatchOperation]
    ) -> Callable[[], Awaitable[Done | Refused | Unanswered]]:
        return lambda: self.target.update(kind, target_id, operations)


def _each(part: Sequence[Operation], answer: Many | Done | Refused | Unanswered | None, duration: int) -> list[Result]:
    """What the answer to a part says of each operation in it."""
    outcomes: Sequence[Outcome | None]
    if isinstance(answer, Many):
        outcomes = answer.outcomes
    elif len(part) > 1 and isinstance(answer, Refused | Unanswered):
        outcomes = [of_one(answer, number) for number in range(len(part))]
    else:
        outcomes = [answer] * len(part)
    return [(operation, outcome, duration) for operation, outcome in zip(part, outcomes, strict=True)]


def _is_turned_away(answer: Outcome) -> bool:
    """Whether the target does not want this now, and may later."""
    return isinstance(answer, Refused) and follows(answer, _PATIENCE_SECONDS) in _TURNED_AWAY


def _turned_away_of_many(results: Sequence[Result]) -> list[Operation]:
    """Operations of a Bulk request that were turned away where others of it were taken: they are sent again."""
    later = [operation for operation, outcome, _ in results if outcome is not None and _is_turned_away(outcome)]
    return later if len(later) < len(results) else []

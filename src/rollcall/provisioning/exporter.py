"""Carries requests out: so many at once, at the pace the target asks for, and stops when the target is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rollcall.provisioning.connectors.contract import Done, Found, Many, Outcome, Refused, Target, Unanswered
from rollcall.provisioning.model import Operation, PatchOperation, Problem
from rollcall.runtime import Runtime

_PATIENCE_SECONDS = 120.0
"""How long one request is repeated while the target asks to come back later (rule C9)."""

_AWAY_IN_A_ROW = 5
"""So many answers in a row that speak of the whole target being away end the cycle."""

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

    `stopped` tells why nothing more is sent: the target is away or does not accept the credentials.
    A request that was not attempted has no answer (None), and surely did nothing. `bulk`: operations of one
    wave go out together where the target takes them so.
    """

    def __init__(self, target: Target, runtime: Runtime, concurrency: int, *, bulk: bool = False) -> None:
        assert concurrency > 0, "at least one request at a time"
        self.target = target
        self.traffic = Traffic()
        self.stopped: Problem | None = None
        self._bulk = bulk
        self._runtime = runtime
        self._concurrency = concurrency
        self._resume_at = 0.0
        self._away_in_a_row = 0

    async def send_all(self, calls: Sequence[Callable[[], Awaitable[Answer]]]) -> list[Answer | None]:
        """The answers to `calls`, in their order; None for those that were not attempted."""
        answers: list[Answer | None] = [None] * len(calls)
        waiting = iter(enumerate(calls))

        async def work() -> None:
            for position, call in waiting:
                if self.stopped is not None:
                    return
                answers[position] = await self._send(call)

        workers = [asyncio.ensure_future(work()) for _ in range(min(self._concurrency, len(calls)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return answers

    async def _send(self, call: Callable[[], Awaitable[Answer]]) -> Answer | None:
        give_up_at = self._runtime.monotonic() + _PATIENCE_SECONDS
        answer: Answer | None = None
        while True:
            await self._wait_for_pace()
            if self.stopped is not None:  # while this one waited
                return answer
            self.traffic.requests += 1
            answer = await call()
            self._judge(answer)
            if not isinstance(answer, Refused) or answer.retry_after_seconds is None:
                return answer
            self.traffic.throttled += 1
            resume_at = self._runtime.monotonic() + answer.retry_after_seconds
            if resume_at > give_up_at:
                return answer
            self._resume_at = max(self._resume_at, resume_at)

    async def _wait_for_pace(self) -> None:
        while (pause := self._resume_at - self._runtime.monotonic()) > 0:
            await self._runtime.sleep(pause)

    def _judge(self, answer: Done | Found | Many | Refused | Unanswered) -> None:
        if isinstance(answer, Refused) and answer.denied:
            self.stopped = Problem(answer.code, answer.reason)
        if isinstance(answer, Many):
            for each in answer.outcomes:
                if isinstance(each, Refused) and each.denied:  # the same credentials will not do for the rest
                    self.stopped = Problem(each.code, each.reason)
        if isinstance(answer, Refused | Unanswered) and answer.away:
            self._away_in_a_row += 1
            if self._away_in_a_row >= _AWAY_IN_A_ROW:
                self.stopped = Problem(answer.code, answer.reason)
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
            answers = await self.send_all(calls)
            again: list[Sequence[Operation]] = []
            for part, answer, duration in zip(parts, answers, durations, strict=True):
                smaller = self._smaller(part, answer)
                again.extend(smaller)
                if not smaller:
                    results.extend(_each(part, answer, duration))
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

    def _learn(self, **values: int) -> None:
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
        return await self.send_all([self._update(*request) for request in requests])

    def _update(
        self, kind: str, target_id: str, operations: Sequence[PatchOperation]
    ) -> Callable[[], Awaitable[Done | Refused | Unanswered]]:
        return lambda: self.target.update(kind, target_id, operations)


def _each(part: Sequence[Operation], answer: Many | Done | Refused | Unanswered | None, duration: int) -> list[Result]:
    """What the answer to a part says of each operation in it."""
    outcomes: Sequence[Outcome | None] = answer.outcomes if isinstance(answer, Many) else [answer] * len(part)
    return [(operation, outcome, duration) for operation, outcome in zip(part, outcomes, strict=True)]

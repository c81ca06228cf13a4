"""Carries requests out: so many at once, at the pace the target asks for, and stops when the target is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rollcall.provisioning.connectors.contract import Done, Found, Outcome, Refused, Target, Unanswered
from rollcall.provisioning.model import Operation, PatchOperation, Problem
from rollcall.runtime import Runtime

_PATIENCE_SECONDS = 120.0
"""How long one request is repeated while the target asks to come back later (rule C9)."""

_AWAY_IN_A_ROW = 5
"""So many answers in a row that speak of the whole target being away end the cycle."""

Answer = TypeVar("Answer", Done | Refused | Unanswered, Found | Refused | Unanswered)


@dataclass(slots=True)
class Traffic:
    """What went over the wire: requests sent, and how often the target asked to slow down."""

    requests: int = 0
    throttled: int = 0


class Exporter:
    """Sends requests of one cycle to one target.

    `stopped` tells why nothing more is sent: the target is away or does not accept the credentials.
    A request that was not attempted has no answer (None), and surely did nothing.
    """

    def __init__(self, target: Target, runtime: Runtime, concurrency: int) -> None:
        assert concurrency > 0, "at least one request at a time"
        self.target = target
        self.traffic = Traffic()
        self.stopped: Problem | None = None
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

    def _judge(self, answer: Done | Found | Refused | Unanswered) -> None:
        if isinstance(answer, Refused) and answer.denied:
            self.stopped = Problem(answer.code, answer.reason)
        if isinstance(answer, Refused | Unanswered) and answer.away:
            self._away_in_a_row += 1
            if self._away_in_a_row >= _AWAY_IN_A_ROW:
                self.stopped = Problem(answer.code, answer.reason)
        else:
            self._away_in_a_row = 0

    async def export(self, waves: Sequence[Sequence[Operation]]) -> list[tuple[Operation, Outcome | None, int]]:
        """Each operation of the waves with its outcome and its duration in milliseconds."""
        results: list[tuple[Operation, Outcome | None, int]] = []
        for wave in waves:
            durations = [0] * len(wave)
            calls = [self._timed(operation, durations, position) for position, operation in enumerate(wave)]
            answers = await self.send_all(calls)
            results.extend(zip(wave, answers, durations, strict=True))
        return results

    def _timed(
        self, operation: Operation, durations: list[int], position: int
    ) -> Callable[[], Awaitable[Done | Refused | Unanswered]]:
        async def call() -> Done | Refused | Unanswered:
            began = self._runtime.monotonic()
            outcome = await self._carry_out(operation)
            durations[position] = int((self._runtime.monotonic() - began) * 1000)
            return outcome

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

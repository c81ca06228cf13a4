"""An event loop whose clock nobody waits for: when nothing is ready it jumps to the next moment somebody sleeps until."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from random import Random  # noqa: TID251 - seeded
from typing import Any, TypeVar

from tests.simulation.clock import VirtualRuntime

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing but moves the clock by as much as it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.time += timeout or 0.0
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, jumping: _Jumping) -> None:
        super().__init__(jumping)
        self._jumping = jumping

    def time(self) -> float:
        return self._jumping.time


class LoopRuntime(VirtualRuntime):
    """The clock of such a loop, so that many may sleep at once."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """The result of `main`, however long it takes, at once."""
    with asyncio.Runner(loop_factory=lambda: _Loop(_Jumping())) as runner:
        return runner.run(main)


def runtime() -> LoopRuntime:
    """A machine on the running loop's clock."""
    return LoopRuntime(Random(1))

"""What the engine tells of its work while it works, for whoever measures; by itself it measures nothing."""

from __future__ import annotations

from typing import Protocol

from rollcall.provisioning.connectors.contract import Done, Found, Many, Refused, Unanswered

Reply = Done | Found | Many | Refused | Unanswered


class Meter(Protocol):
    """Takes the measurements of one job's cycle."""

    def answered(self, answer: Reply, seconds: float) -> None:
        """The target answered a request, or could not, after so long."""

    def operated(self, action: str, outcome: str) -> None:
        """An operation on one object, or a reference, came to `success`, `failure`, `skipped` or `warning`."""

    def arrived(self, seconds: float) -> None:
        """A change of the directory had reached the target so long after it was committed."""


class _NoMeter:
    def answered(self, answer: Reply, seconds: float) -> None:
        pass

    def operated(self, action: str, outcome: str) -> None:
        pass

    def arrived(self, seconds: float) -> None:
        pass


NO_METER: Meter = _NoMeter()

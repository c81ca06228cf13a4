"""What is wrong or questionable in a synchronization schema, each finding with its path in the document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

from rollcall.provisioning.model import Json

_MOST_SHOWN = 60
_WORDS = {"None": "null", "True": "true", "False": "false"}
_STEP = re.compile(r"\d+|[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault or warning: `path` is the place in the document, such as `synchronizationRules[0].objectMappings[1]`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class Findings:
    """Faults, for which a document is refused, and warnings, while it is read."""

    faults: dict[Finding, None] = field(default_factory=dict)
    warnings: dict[Finding, None] = field(default_factory=dict)

    def fault(self, path: str, message: str) -> None:
        """Note what has to be changed."""
        self.faults[Finding(path, message)] = None

    def warn(self, path: str, message: str) -> None:
        """Note what may be meant and may be a mistake."""
        self.warnings[Finding(path, message)] = None


def in_order(findings: dict[Finding, None]) -> tuple[Finding, ...]:
    """The findings by their place in the document: lists by number, members by name."""
    return tuple(sorted(findings, key=lambda finding: _steps(finding.path)))


def _steps(path: str) -> list[tuple[int, str]]:
    return [(int(step), "") if step.isdecimal() and len(step) < 10 else (-1, step) for step in _STEP.findall(path)]


def joined(where: str, name: str) -> str:
    """The path of a member of the object at `where`; the document itself is at the empty path."""
    return f"{where}.{name}" if where else name


def shown(value: Json) -> str:
    """A value of the document as a message shows it: not too long, however long or deep it is."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = f'"{value}"' if isinstance(value, str) else _WORDS.get(str(value), str(value))
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The known name that was probably meant: another letter case, or a typing error."""
    folded = {each.lower(): each for each in reversed(known)}
    if name.lower() in folded:
        return folded[name.lower()]
    close = get_close_matches(name.lower()[:200], folded, n=1)
    return folded[close[0]] if close else None

"""Lists that are typed into one text field: entries between commas or line breaks, each fault with its number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_BETWEEN = re.compile(r"[,\r\n]")


@dataclass(frozen=True, slots=True)
class EntryFault:
    """What is wrong with a list, or with its entry `number` (from 1) that reads `text`; `offered` would be right."""

    code: str
    message: str
    number: int | None = None
    text: str | None = None
    offered: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries in normal form, in the order they were typed, without repeats; of no use while there are faults."""

    values: tuple[str, ...]
    faults: tuple[EntryFault, ...] = ()


def read_entries(typed: str, normal: Callable[[str], str], code: str, *, most: int, longest: int) -> Entries:
    """Reads a list of at most `most` entries and `longest` characters.

    `normal` gives the normal form of an entry, or raises ValueError with what is wrong with it. Blanks around entries,
    empty entries and repeats are dropped.
    """
    typed = typed.strip()
    if len(typed) > longest:
        message = f"The list has {len(typed):,} characters; {longest:,} are the most. Take some entries out."
        return Entries((), (EntryFault("too_long", message),))
    found: dict[str, None] = {}
    faults: list[EntryFault] = []
    written = [entry for part in _BETWEEN.split(typed) if (entry := part.strip())]
    for number, entry in enumerate(written, 1):
        try:
            found[normal(entry)] = None
        except ValueError as wrong:
            faults.append(EntryFault(code, f"Entry {number}, {entry[:100]!r}, {wrong}", number, entry))
    if len(found) > most:
        message = f"The list has {len(found)} entries; {most} are the most. Take some out."
        faults.append(EntryFault("too_long", message))
    return Entries(tuple(found), tuple(faults))

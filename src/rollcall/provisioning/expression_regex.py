"""Search and replace with .NET regular expressions under a time limit, so that no pattern hangs a cycle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import regex

from rollcall.provisioning.expression_patterns import translate
from rollcall.provisioning.expression_values import MOST_CHARACTERS_OF_VALUE, Fault, shown, too_long

SECONDS = 0.25  # for one call over one text; ordinary patterns take microseconds

_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|([0-9]+)|([$&`'+_]))")


class Match(Protocol):
    """What is used of a match; the `regex` package has no types of its own."""

    @property
    def string(self) -> str:
        """The whole text."""

    def group(self, name: int | str = 0, /) -> str | None:
        """The text of a group, None when it took no part."""

    def span(self, name: int | str = 0, /) -> tuple[int, int]:
        """Where a group starts and ends; (-1, -1) when it took no part."""


class Engine(Protocol):
    """What is used of a compiled pattern."""

    def search(self, text: str, *, timeout: float) -> Match | None:
        """The first match."""

    def fullmatch(self, text: str, *, timeout: float) -> Match | None:
        """A match of the whole text."""

    def finditer(self, text: str, *, overlapped: bool = False, timeout: float) -> Iterator[Match]:
        """All matches; with `overlapped` one for each start. The timeout holds for all of them together."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A .NET pattern, ready to run."""

    written: str
    compiled: Engine
    groups: dict[str, str]
    names: tuple[str, ...]

    def group(self, name: str) -> str:
        """The group of that .NET name or number. Raises Fault if the pattern has none."""
        found = self.groups.get(str(int(name)) if name.isdecimal() and name.isascii() else name)
        if found is None:
            raise Fault(
                f"the pattern {shown(self.written)} has no group {shown(name)}", f"Name a group in it: (?<{name}>…)"
            )
        return found


@lru_cache(maxsize=256)
def compile_pattern(written: str) -> Pattern:
    """Read a .NET pattern. Raises Fault for one that is not understood."""
    translation = translate(written)
    try:
        compiled = regex.compile(translation.pattern, regex.VERSION0, cache_pattern=False)
    except (regex.error, OverflowError, RecursionError, MemoryError) as error:
        raise Fault(f"the pattern {shown(written)} is no regular expression: {error}", "Correct the pattern") from None
    return Pattern(written, compiled, translation.groups, translation.names)


def _too_slow(pattern: Pattern) -> Fault:
    return Fault(
        f"the pattern {shown(pattern.written)} took longer than {SECONDS} seconds",
        "Avoid repeats inside repeats, such as (a+)+, and anchor the pattern with ^ and $",
    )


def first_match(pattern: Pattern, text: str) -> Match | None:
    """The first match. Raises Fault when the time is up."""
    try:
        return pattern.compiled.search(text, timeout=SECONDS)
    except TimeoutError:
        raise _too_slow(pattern) from None


def matches_whole(pattern: Pattern, text: str) -> bool:
    """Whether the pattern matches the text from its first to its last character. Raises Fault when the time is up."""
    try:
        return pattern.compiled.fullmatch(text, timeout=SECONDS) is not None
    except TimeoutError:
        raise _too_slow(pattern) from None


def matches(pattern: Pattern, text: str) -> list[Match]:
    """All matches as .NET finds them: after an empty match the search goes on one character later.

    Python would look once more for a match that is not empty at the same place, so where that made a
    difference the search is repeated over every start. Raises Fault when the time is up.
    """
    try:
        found = list(pattern.compiled.finditer(text, timeout=SECONDS))
        spans = [match.span() for match in found]
        if all(end > start or end < following for (start, end), (following, _) in pairwise(spans)):
            return found
        kept: list[Match] = []
        earliest = 0
        for match in pattern.compiled.finditer(text, overlapped=True, timeout=SECONDS):
            start, end = match.span()
            if start >= earliest:
                kept.append(match)
                earliest = end  # after an empty match too: starts only ever grow
        return kept
    except TimeoutError:
        raise _too_slow(pattern) from None


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a replacement: literal text, a group, or one of the special marks."""

    literal: str = ""
    group: str = ""
    mark: str = ""


@lru_cache(maxsize=256)
def _replacement(written: str, pattern: str) -> tuple[_Part, ...]:
    """`$1`, `${name}` and the special marks; a reference to no group stays as text, as in .NET."""
    groups = compile_pattern(pattern).groups
    parts: list[_Part] = []
    at = 0
    for found in _REFERENCE.finditer(written):
        name = found.group(1) or found.group(2)
        parts.append(_Part(literal=written[at : found.start()]))
        at = found.end()
        if found.group(3):
            parts.append(_Part(literal="$") if found.group(3) == "$" else _Part(mark=found.group(3)))
            continue
        name = str(int(name)) if name.isdecimal() and name.isascii() else name
        if name == "0":
            parts.append(_Part(mark="&"))
        elif name in groups:
            parts.append(_Part(group=groups[name]))
        else:
            parts.append(_Part(literal=found.group()))
    parts.append(_Part(literal=written[at:]))
    return tuple(part for part in parts if part != _Part())


def _expand(parts: tuple[_Part, ...], match: Match, names: tuple[str, ...]) -> str:
    return "".join(
        part.literal or (match.group(part.group) or "" if part.group else _special(part.mark, match, names))
        for part in parts
    )


def _special(mark: str, match: Match, names: tuple[str, ...]) -> str:
    start, end = match.span()
    match mark:
        case "&":
            return match.string[start:end]
        case "`":
            return match.string[:start]
        case "'":
            return match.string[end:]
        case "_":
            return match.string
    return (match.group(names[-1]) or "") if names else match.string[start:end]  # $+: the last group


def replace_all(text: str, pattern: Pattern, replacement: str) -> str:
    """Replace every match; groups may be used in the replacement. No match gives the text unchanged."""
    kept = len(replacement) <= 1000  # a longer one comes out of data and is not worth the memory
    parts = (_replacement if kept else _replacement.__wrapped__)(replacement, pattern.written)
    out: list[str] = []
    at = size = 0
    for match in matches(pattern, text):
        piece = _expand(parts, match, pattern.names)
        size += len(piece)
        if size > MOST_CHARACTERS_OF_VALUE:
            raise too_long()
        start, end = match.span()
        out += (text[at:start], piece)
        at = end
    out.append(text[at:])
    return "".join(out)


def replace_group(text: str, pattern: Pattern, name: str, replacement: str) -> str:
    """Replace only the group's text inside each match, by literal text."""
    group = pattern.group(name)
    out: list[str] = []
    at = 0
    for match in matches(pattern, text):
        start, end = match.span(group)
        if start >= at:  # -1: the group took no part in this match
            out += (text[at:start], replacement)
            at = end
    out.append(text[at:])
    return "".join(out)


def taken_group(text: str, pattern: Pattern, name: str) -> str | None:
    """The group's text in the first match, None without a match."""
    group = pattern.group(name)
    match = first_match(pattern, text)
    return match.group(group) if match else None

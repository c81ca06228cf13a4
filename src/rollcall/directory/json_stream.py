"""Reads the values of a JSON text one after another, without holding the text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from rollcall.errors import Invalid

_CHUNK_CHARACTERS = 1 << 16
_LONGEST_VALUE_CHARACTERS = 1 << 26
_BLANKS = " \t\r\n\ufeff"


class JsonStream:
    """A JSON text, read piece by piece from `read` (so many characters, '' at the end)."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._position = 0
        self._ended = False
        self.line = 1
        """The line that has been reached."""

    def peek(self) -> str:
        """The next character that is not blank, or '' at the end."""
        while True:
            while self._position < len(self._text):
                character = self._text[self._position]
                if character not in _BLANKS:
                    return character
                self._advance(self._position + 1)
            if not self._fill(_CHUNK_CHARACTERS):
                return ""

    def take(self, expected: str) -> bool:
        """Step over a character if it comes next."""
        if self.peek() != expected:
            return False
        self._advance(self._position + 1)
        return True

    def value(self) -> Any:
        """The next value, whole. Raises Invalid naming the line where the text is no JSON."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                if not self._fill(max(_CHUNK_CHARACTERS, len(self._text) - self._position)):
                    raise self.fault(error.msg, self.line + self._text.count("\n", self._position, error.pos)) from None
            except RecursionError:
                raise self.fault("it is nested too deeply") from None
            else:
                # A number or word that ends where the text read so far ends may go on.
                if end == len(self._text) and self._fill(_CHUNK_CHARACTERS):
                    continue
                self._advance(end)
                return value

    def items(self) -> Iterator[tuple[int, Any]]:
        """The elements of the array that comes next, each with its line. Raises Invalid."""
        if not self.take("["):
            raise self.fault("a list is expected here")
        while not self.take("]"):
            self.peek()
            yield self.line, self.value()
            if not self.take(",") and self.peek() != "]":
                raise self.fault("a comma or the end of the list is expected here")

    def keys(self) -> Iterator[str]:
        """The keys of the object that comes next; after each, its value must be read. Raises Invalid."""
        if not self.take("{"):
            raise self.fault("an object is expected here")
        while not self.take("}"):
            key = self.value()
            if not isinstance(key, str) or not self.take(":"):
                raise self.fault("a name and a colon are expected here")
            yield key
            if not self.take(",") and self.peek() != "}":
                raise self.fault("a comma or the end of the object is expected here")

    def fault(self, reason: str, line: int | None = None) -> Invalid:
        """The refusal of the text, with the line where it goes wrong."""
        return Invalid(f"Line {line or self.line}: the file is not the JSON it should be: {reason}.")

    def _advance(self, position: int) -> None:
        self.line += self._text.count("\n", self._position, position)
        self._position = position

    def _fill(self, characters: int) -> bool:
        if self._ended:
            return False
        if len(self._text) - self._position > _LONGEST_VALUE_CHARACTERS:
            raise self.fault("a single value is longer than 64 million characters, or a bracket is missing")
        piece = self._read(characters)
        self._text = self._text[self._position :] + piece
        self._position = 0
        self._ended = not piece
        return bool(piece)

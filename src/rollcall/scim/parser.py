"""Text to paths and filters: a tokenizer and a recursive descent with limits (RFC 7644 figures 1 and 7).

Limits: 8 KiB of text, 32 levels of brackets, 200 clauses. What is over them ends in 400, as does every
other text that is no filter.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from rollcall.scim.datatypes import is_clean_text
from rollcall.scim.error import ScimError, invalid_filter, invalid_path, too_many
from rollcall.scim.syntax import (
    Compare,
    CompareOperator,
    Filter,
    Literals,
    Not,
    Path,
    Present,
    ValuePath,
    conjunction,
    disjunction,
)

MAX_LENGTH: Final = 8192
MAX_DEPTH: Final = 32
MAX_CLAUSES: Final = 200

OPERATORS: Final[dict[str, CompareOperator]] = {
    "eq": "eq", "ne": "ne", "co": "co", "sw": "sw", "ew": "ew", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le",
}  # fmt: skip

# Each alternative begins with another character and none can be cut in two ways, so matching is linear.
_TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[^\s()\[\]"]+))', re.DOTALL)
_NAME = re.compile(r"(?:\$ref|[A-Za-z][A-Za-z0-9_$-]*)\Z")
_SCHEMA = re.compile(r"urn:[A-Za-z0-9._~:+/-]+\Z", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_WORDS: Final[dict[str, Literals]] = {"true": True, "false": False, "null": None}


class Token(NamedTuple):
    """A piece of the text: its kind ("text", "mark", "word" or "end"), as written, and where it begins."""

    kind: str
    text: str
    position: int


def tokens(text: str, fault: Callable[[str], ScimError] = invalid_filter) -> list[Token]:
    """The tokens of a path or filter, with an "end" token after the last; raises what `fault` makes."""
    if len(text) > MAX_LENGTH:
        raise fault(f"The expression has {len(text)} characters; at most {MAX_LENGTH} are allowed.")
    found: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise fault(f"Character {position + 1}: a quotation mark has no partner.")
        kind = match.lastgroup or ""
        found.append(Token(kind, match[kind], match.start(kind)))
        position = match.end()
    found.append(Token("end", "", end))
    return found


def parse_filter(text: str) -> Filter:
    """The filter in `text`; raises invalidFilter, or tooMany beyond 200 clauses (RFC 7644 §3.4.2.2)."""
    parser = _Parser(tokens(text, invalid_filter), invalid_filter)
    tree = parser.disjunction(depth=0)
    parser.expect_end()
    return tree


def parse_path(text: str) -> Path:
    """The path of a PATCH operation or of an attribute list; raises invalidPath (RFC 7644 §3.5.2)."""
    return _short_path(text) if len(text) <= 128 else _path(text)


def _path(text: str) -> Path:
    parser = _Parser(tokens(text, invalid_path), invalid_path)
    path = parser.path()
    parser.expect_end()
    return path


# A handful of paths makes up nearly every request; a path is a frozen value, so one copy serves all.
_short_path = lru_cache(maxsize=2048)(_path)


class _Parser:
    """A cursor over the tokens of one expression."""

    def __init__(self, found: list[Token], fault: Callable[[str], ScimError]) -> None:
        self._tokens = found
        self._next = 0
        self._clauses = 0
        self._fault = fault

    def disjunction(self, depth: int) -> Filter:
        # and binds tighter than or, not tighter than both.
        operands = [self._conjunction(depth)]
        while self._word_is("or"):
            operands.append(self._conjunction(depth))
        return disjunction(*operands)

    def path(self) -> Path:
        """`name`, `name.sub`, `name[filter]` or `name[filter].sub`, any of them after a schema's URN."""
        path = self._attribute(self._take("word", "an attribute's name"))
        if not self._mark_is("["):
            return path
        if path.sub_attribute:
            raise self._fault("A filter in brackets follows an attribute, not a sub-attribute.")
        value_filter = self._value_filter(depth=0)
        return Path(path.attribute, self._sub_attribute(), value_filter, path.schema)

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._unexpected("the end")

    def _conjunction(self, depth: int) -> Filter:
        operands = [self._clause(depth)]
        while self._word_is("and"):
            operands.append(self._clause(depth))
        return conjunction(*operands)

    def _clause(self, depth: int) -> Filter:
        if self._mark_is("("):
            return self._group(depth)
        token = self._take("word", "an attribute's name")
        if token.text.lower() == "not" and self._mark_is("("):
            return Not(self._group(depth))
        path = self._attribute(token)
        if self._mark_is("["):
            return self._value_path(path, depth)
        return self._comparison(path)

    def _group(self, depth: int) -> Filter:
        self._check_depth(depth)
        tree = self.disjunction(depth + 1)
        if not self._mark_is(")"):
            raise self._unexpected("a closing bracket )")
        return tree

    def _value_path(self, path: Path, depth: int) -> Filter:
        if path.sub_attribute:
            raise self._fault("A filter in brackets follows an attribute, not a sub-attribute.")
        operand = self._value_filter(depth)
        sub = self._sub_attribute()
        if sub is None:
            return ValuePath(path, operand)
        # emails[type eq "work"].value eq "…": no RFC grammar, but Entra matches with it.
        return ValuePath(path, conjunction(operand, self._comparison(Path(sub))))

    def _value_filter(self, depth: int) -> Filter:
        self._check_depth(depth)
        operand = self.disjunction(depth + 1)
        if not self._mark_is("]"):
            raise self._unexpected("a closing bracket ]")
        return operand

    def _comparison(self, path: Path) -> Filter:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise too_many(f"The filter has more than {MAX_CLAUSES} clauses.")
        token = self._take("word", "an operator")
        word = token.text.lower()
        if word == "pr":
            return Present(path)
        op = OPERATORS.get(word)
        if op is None:
            raise self._fault(f"Character {token.position + 1}: {token.text[:40]!r} is no operator.")
        return Compare(path, op, self._value())

    def _value(self) -> Literals:
        token = self._peek()
        self._next += 1
        if token.kind == "text":
            return self._text(token)
        if token.kind == "word":
            if token.text.lower() in _WORDS:
                return _WORDS[token.text.lower()]
            if _NUMBER.match(token.text) and len(token.text) <= 40:
                value: int | float = json.loads(token.text)
                if math.isfinite(value):
                    return value
        self._next -= 1
        raise self._unexpected('a value (text stands in quotation marks: "…")')

    def _text(self, token: Token) -> str:
        try:
            value = str(json.loads(token.text, strict=False))
        except ValueError:
            raise self._fault(f"Character {token.position + 1}: the text is no JSON string.") from None
        if not is_clean_text(value):
            raise self._fault(f"Character {token.position + 1}: the text holds NUL or half a surrogate pair.")
        return value

    def _attribute(self, token: Token) -> Path:
        schema, colon, rest = token.text.rpartition(":")
        name, dot, sub = rest.partition(".")
        good = _NAME.match(name) is not None and (not dot or _NAME.match(sub) is not None)
        if not good or (colon and not _SCHEMA.match(schema)):
            raise self._fault(f"Character {token.position + 1}: {token.text[:80]!r} is no attribute path.")
        return Path(name, sub if dot else None, None, schema if colon else None)

    def _sub_attribute(self) -> str | None:
        token, before = self._peek(), self._tokens[self._next - 1]
        if token.kind != "word" or token.text[0] != "." or token.position != before.position + 1:
            return None
        self._next += 1
        if not _NAME.match(token.text[1:]):
            raise self._fault(f"Character {token.position + 1}: {token.text[:80]!r} is no sub-attribute.")
        return token.text[1:]

    def _check_depth(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise self._fault(f"The expression is nested more than {MAX_DEPTH} levels deep.")

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self, kind: str, what: str) -> Token:
        if self._peek().kind != kind:
            raise self._unexpected(what)
        self._next += 1
        return self._tokens[self._next - 1]

    def _mark_is(self, mark: str) -> bool:
        token = self._peek()
        if token.kind != "mark" or token.text != mark:
            return False
        self._next += 1
        return True

    def _word_is(self, word: str) -> bool:
        token = self._peek()
        if token.kind != "word" or token.text.lower() != word:
            return False
        self._next += 1
        return True

    def _unexpected(self, wanted: str) -> ScimError:
        token = self._peek()
        seen = "it ends" if token.kind == "end" else f"there is {token.text[:40]!r}"
        return self._fault(f"Character {token.position + 1}: expected {wanted}, but {seen}.")

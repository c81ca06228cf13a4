"""Text of the mapping language to a tree and back: parse and print (expressions.md §1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from rollcall.provisioning.expression_values import Bare, ExpressionError, Ignore, parse_number, shown

MOST_CHARACTERS = 10_000
DEEPEST = 150  # calls and parentheses inside each other; keeps parser and evaluator far from Python's own limit

CONSTANTS: dict[str, Ignore | Bare] = {
    **{order.value: order for order in Ignore},
    **{option.value: option for option in Bare},
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """`[name]`: the value of a source attribute."""

    name: str
    position: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Text:
    """`"text"`, already without quotes and escapes."""

    value: str
    position: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, such as `12`, `-1.5` or `&HF7`."""

    literal: str
    position: int = field(compare=False, default=0)

    @property
    def value(self) -> int | float:
        """The number itself."""
        found = parse_number(self.literal)
        assert found is not None, self.literal
        return found


@dataclass(frozen=True, slots=True)
class Constant:
    """A word without quotes, such as `IgnoreAttributeFlow`."""

    name: str
    position: int = field(compare=False, default=0)

    @property
    def value(self) -> Ignore | Bare:
        """What the word stands for."""
        return CONSTANTS[self.name]


@dataclass(frozen=True, slots=True)
class Call:
    """`Name(argument, …)`; an argument that is not given is None."""

    name: str
    arguments: tuple[Expression | None, ...]
    position: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`, inside a condition."""

    operator: str
    left: Expression
    right: Expression
    position: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Concat:
    """`a & b & …`."""

    operands: tuple[Expression, ...]
    position: int = field(compare=False, default=0)


Expression: TypeAlias = Attribute | Text | Number | Constant | Call | Compare | Concat

_BLANK = re.compile(r"[ \t\r\n\f\v\u00a0\ufeff]*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|&[Hh][0-9A-Fa-f]+")
_NAME = re.compile(r"[^\W\d_][^\W_]*")
_OPERATOR = re.compile(r"<>|>=|<=|=|>|<")
_ESCAPE = re.compile(r'\\([\\"])')  # a backslash before anything else stays in the text (expressions.md §1)
_STRING = re.compile(r'"((?:[^"\\]|\\["\\]|\\(?!["\\]))*)"')


def parse(written: str) -> Expression:
    """Read an expression; unknown functions and attributes are left to `check`.

    Raises ExpressionError for text that does not follow the grammar, is longer than 10,000 characters
    or nests deeper than 150 levels.
    """
    if len(written) > MOST_CHARACTERS:
        raise ExpressionError(
            MOST_CHARACTERS + 1,
            None,
            f"the expression has {len(written):,} characters, at most {MOST_CHARACTERS:,} are allowed",
            "Shorten it, or put part of it into an attribute of the source",
        )
    parser = _Parser(written)
    expression = parser.expression(0)
    if parser.offset < len(written):
        raise parser.error("the expression should end here", "Remove what follows, or join texts with & or Join")
    return expression


class _Parser:
    """Reads one expression from left to right; `offset` stands at the next character that is not blank."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.offset = 0
        self.skip(0)

    def skip(self, offset: int) -> None:
        blank = _BLANK.match(self.written, offset)
        assert blank is not None
        self.offset = blank.end()

    def error(self, message: str, remedy: str, offset: int | None = None) -> ExpressionError:
        return ExpressionError((self.offset if offset is None else offset) + 1, None, message, remedy)

    def take(self, mark: str) -> bool:
        found = self.written.startswith(mark, self.offset)
        if found:
            self.skip(self.offset + len(mark))
        return found

    # Few frames a level of nesting: expression, primary, call. So the deepest expression needs half of Python's limit.

    def expression(self, depth: int) -> Expression:
        start = self.offset
        left = self.primary(depth)
        if self.take("&"):
            left = self.concat(left, start, depth)
        operator = _OPERATOR.match(self.written, self.offset)
        if operator is None:
            return left
        self.skip(operator.end())
        middle = self.offset
        right = self.primary(depth)
        if self.take("&"):
            right = self.concat(right, middle, depth)
        if _OPERATOR.match(self.written, self.offset):
            raise self.error("a comparison has two sides", "Nest IIF for a further condition: AND and OR do not exist")
        return Compare(operator.group(), left, right, start + 1)

    def concat(self, first: Expression, start: int, depth: int) -> Expression:
        operands = [first, self.primary(depth)]
        while self.take("&"):
            operands.append(self.primary(depth))
        return Concat(tuple(operands), start + 1)

    def primary(self, depth: int) -> Expression:
        start = self.offset
        if depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} levels of nesting", "Split the expression over several mappings")
        mark = self.written[start : start + 1]
        if mark == "[":
            return self.attribute()
        if mark == '"':
            return self.string()
        if mark == "(":
            self.skip(start + 1)
            inner = self.expression(depth + 1)
            if not self.take(")"):
                raise self.error(f"the parenthesis opened at character {start + 1} is not closed", "Add )")
            return inner
        if found := _NUMBER.match(self.written, start):
            self.skip(found.end())
            return Number(found.group(), start + 1)
        if found := _NAME.match(self.written, start):
            self.skip(found.end())
            if self.take("("):
                return self.call(found.group(), start, depth)
            if found.group() in CONSTANTS:
                return Constant(found.group(), start + 1)
            raise self.error(
                f"{found.group()} is no constant",
                f'Write "{found.group()}" for text, [{found.group()}] for an attribute, {found.group()}(…) for a function',
                start,
            )
        if not mark:
            raise self.error("the expression ends where a value is needed", "Add an attribute, text or function")
        raise self.error(f"{shown(mark)} does not begin a value", 'Write [attribute], "text", a number or Function(…)')

    def attribute(self) -> Attribute:
        start = self.offset
        end = self.written.find("]", start)
        if end < 0:
            raise self.error("the attribute name is not closed", "Add ]")
        name = self.written[start + 1 : end]
        if not name.strip():
            raise self.error("the attribute has no name", "Write it between the brackets, such as [mail]")
        self.skip(end + 1)
        return Attribute(name, start + 1)

    def string(self) -> Text:
        start = self.offset
        found = _STRING.match(self.written, start)
        if found is None:
            raise self.error("the text is not closed", 'Add ", and write a quote inside the text as \\"')
        self.skip(found.end())
        return Text(_ESCAPE.sub(r"\1", found.group(1)), start + 1)

    def call(self, name: str, start: int, depth: int) -> Call:
        arguments: list[Expression | None] = []
        if self.take(")"):
            return Call(name, (), start + 1)
        while True:
            given = self.written[self.offset : self.offset + 1] not in {",", ")"}
            arguments.append(self.expression(depth + 1) if given else None)
            if self.take(")"):
                return Call(name, tuple(arguments), start + 1)
            if not self.take(","):
                if self.offset == len(self.written):
                    raise ExpressionError(start + 1, name, "its parenthesis is not closed", "Add )")
                raise self.error(f"a comma or ) is needed inside {name}", "Separate arguments with commas")


def print_expression(expression: Expression) -> str:
    """Write a tree as text that parses to the same tree."""
    match expression:
        case Attribute(name=name):
            return f"[{name}]"
        case Text(value=value):
            return _quote(value)
        case Number(literal=literal):
            return literal
        case Constant(name=name):
            return name
        case Call(name=name, arguments=arguments):
            return f"{name}({', '.join('' if a is None else print_expression(a) for a in arguments)})"
        case Compare(operator=operator, left=left, right=right):
            return f"{_operand(left, Compare)} {operator} {_operand(right, Compare)}"
        case Concat(operands=operands):
            return " & ".join(_operand(o, Compare | Concat) for o in operands)


def _operand(expression: Expression, wrapped: object) -> str:
    written = print_expression(expression)
    return f"({written})" if isinstance(expression, wrapped) else written  # type: ignore[arg-type]


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def children(expression: Expression) -> tuple[Expression, ...]:
    """The direct parts, without arguments that are not given."""
    match expression:
        case Call(arguments=arguments):
            return tuple(a for a in arguments if a is not None)
        case Compare(left=left, right=right):
            return left, right
        case Concat(operands=operands):
            return operands
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all its parts, from the outside in."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))

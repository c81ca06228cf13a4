"""What is wrong with an expression before any object is seen: the type checker and the linter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Literal

from rollcall.provisioning.expression_bind import bind, find_function, fitted
from rollcall.provisioning.expression_compile import misplaced
from rollcall.provisioning.expression_dates import INTERVALS, parse_date
from rollcall.provisioning.expression_formats import check_format, parse_styles
from rollcall.provisioning.expression_syntax import (
    Attribute,
    Call,
    Compare,
    Concat,
    Constant,
    Expression,
    Number,
    Text,
    parse,
    walk,
)
from rollcall.provisioning.expression_types import (
    ALWAYS_THERE,
    KIND_WORDS,
    AttributeType,
    is_always_null,
    kind,
    leaves,
)
from rollcall.provisioning.expression_values import Bare, Context, ExpressionError, Fault, parse_number, shown, truth
from rollcall.provisioning.functions import FUNCTIONS
from rollcall.provisioning.functions_model import Function, Parameter

Severity = Literal["error", "warning"]
Source = Mapping[str, AttributeType]

_UNKNOWN = "unknown attribute"
_NULL_TESTS = frozenset({"IsNull", "IsNullOrEmpty", "IsPresent"})
_ROLE_FUNCTIONS = frozenset(
    {"SingleAppRoleAssignment", "AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex", "Count", "IsPresent"}
    | _NULL_TESTS
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; an error must keep an expression from being saved, a warning need not.

    `position` counts characters from 1.
    """

    severity: Severity
    position: int
    function: str | None
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.function} at character {self.position}" if self.function else f"At character {self.position}"
        return f"{where}: {self.message}. {self.remedy}."


def check(
    expression: str | Expression,
    source_attributes: Mapping[str, AttributeType] | None = None,
    target_attribute_type: AttributeType | None = None,
    *,
    matching: bool = False,
) -> list[Problem]:
    """Everything that can be known beforehand, in the order of the text, errors and warnings.

    Without `source_attributes` no attribute is unknown; without a target its type is not compared. `matching` says
    that the target attribute is used to find existing objects.
    """
    if isinstance(expression, str):
        try:
            expression = parse(expression)
        except ExpressionError as error:
            return [_problem(error)]
    found = [_problem(error) for error in misplaced(expression)]
    found += _attributes(expression, source_attributes)
    found += _calls(expression, source_attributes or {})
    found += _comparisons(expression, source_attributes or {})
    found += _result(expression, source_attributes or {}, target_attribute_type)
    found += _matching(expression) if matching else ()
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda p: (p.position, p.severity))


def unknown_attributes(expression: str, known: Source) -> list[Problem]:
    """A warning, with the nearest name, for each attribute that is not among `known`. Raises ExpressionError."""
    found = [problem for problem in _attributes(parse(expression), known) if problem.message.startswith(_UNKNOWN)]
    return [replace(problem, severity="warning") for problem in dict.fromkeys(found)]


def errors(problems: list[Problem]) -> list[Problem]:
    """Only the findings that must keep an expression from being saved."""
    return [problem for problem in problems if problem.severity == "error"]


def _problem(error: ExpressionError) -> Problem:
    return Problem("error", error.position, error.function, error.reason, error.remedy)


def _error(node: Expression, message: str, remedy: str, function: str | None = None) -> Problem:
    return Problem("error", node.position, function, message, remedy)


def _warning(node: Expression, message: str, remedy: str, function: str | None = None) -> Problem:
    return Problem("warning", node.position, function, message, remedy)


# ── attributes ───────────────────────────────────────────────────────────────────────────────────────────────────


def _attributes(expression: Expression, source: Source | None) -> Iterator[Problem]:
    wrapped = {
        id(argument)
        for node in walk(expression)
        if isinstance(node, Call) and node.name in _ROLE_FUNCTIONS
        for argument in node.arguments
    }
    for node in walk(expression):
        if not isinstance(node, Attribute):
            continue
        if node.name == "appRoleAssignments" and id(node) not in wrapped:
            yield _error(
                node,
                "[appRoleAssignments] can't be sent as it is",
                "Put it into SingleAppRoleAssignment, AppRoleAssignmentsComplex or AssertiveAppRoleAssignmentsComplex",
            )
        if source is None or node.name in source or node.name in ALWAYS_THERE:
            continue
        near = [name for name in source if name.lower() == node.name.lower()]
        near = near or get_close_matches(node.name, source, 1)
        yield _error(
            node,
            f"{_UNKNOWN} {shown(node.name)}",
            f"Write [{near[0]}]" if near else "Use an attribute of the source schema, or add it there",
        )


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _calls(expression: Expression, source: Source) -> Iterator[Problem]:
    for node in walk(expression):
        if not isinstance(node, Call):
            if isinstance(node, Concat):
                yield from _concat(node, source)
            continue
        try:
            function = find_function(node)
            arguments = fitted(node, function)
        except ExpressionError as error:
            yield _problem(error)
            continue
        if function.cloud_sync_only:
            yield _warning(node, "Entra has it only in cloud sync", "Leave it out if Entra shall read this", node.name)
        typed = [
            problem
            for index, argument in enumerate(arguments)
            if argument is not None
            for problem in _argument(node, function.parameter(index), argument, source)
        ]
        yield from typed
        if not any(problem.severity == "error" for problem in typed):
            yield from _constants(node, function, arguments)
        if node.name == "Switch":
            yield from _switch(node, arguments, source)
        if node.name == "IIF" and _is_null_test(arguments[0]):
            yield _warning(
                node,
                "Entra does not support a test for null as the condition of IIF",
                'Use Switch with a key ""',
                "IIF",
            )


def _concat(node: Concat, source: Source) -> Iterator[Problem]:
    for operand in node.operands:
        yield from _argument(None, Parameter("operand", "S"), operand, source)


def _is_null_test(argument: Expression | None) -> bool:
    return isinstance(argument, Call) and argument.name in _NULL_TESTS


_WRONG = {"S": "LCOX", "N": "LCODX", "D": "LCONBX", "L": "O", "E": "O"}
_INSTEAD = {
    "L": "Take one value with Item, or put them together with Join",
    "C": "Use the role function alone",
    "O": "Options stand only where a function asks for one",
    "X": "Use StringFromSid, or map the attribute directly",
    "N": "Turn it with DateFromNum",
    "D": "Compare dates with DateDiff",
    "B": "Give a date-time",
}


def _argument(call: Call | None, parameter: Parameter, argument: Expression, source: Source) -> Iterator[Problem]:
    name = call.name if call else None
    for leaf in leaves(argument):
        if leaf is None:
            continue
        given = kind(leaf, source)
        if parameter.kind == "O":
            if not isinstance(leaf, Constant) or not isinstance(leaf.value, Bare):
                yield _error(
                    leaf, f"{parameter.name} is an option without quotes", "Write it as the reference shows", name
                )
        elif given in _WRONG.get(parameter.kind, "") and not (call and call.name == "StringFromSid"):
            words = KIND_WORDS[given]
            wanted = KIND_WORDS.get(parameter.kind, "any value")
            yield _error(leaf, f"{parameter.name} takes {wanted}, not {words}", _INSTEAD[given], name)
        elif isinstance(leaf, Text) and parameter.kind == "N" and parse_number(leaf.value) is None:
            yield _error(leaf, f"{parameter.name} takes a number, not {shown(leaf.value)}", "Give a number", name)
        elif parameter.kind == "D" and given == "S":
            yield from _text_as_date(leaf, parameter, name)


def _text_as_date(leaf: Expression, parameter: Parameter, name: str | None) -> Iterator[Problem]:
    if isinstance(leaf, Text):
        try:
            parse_date(leaf.value)
        except Fault as fault:
            yield _error(leaf, fault.message, fault.remedy, name)
            return
    yield _warning(leaf, f"{parameter.name} is text and is read as a date", "Wrap it in CDate, as Entra needs it", name)


class _NoChance:
    """Chance for trial runs: always the first."""

    def randrange(self, _stop: int, /) -> int:
        return 0


_TRIAL = Context(now=datetime(2000, 1, 1, tzinfo=UTC), new_guid=lambda: "", random=_NoChance(), default_domain="")


def _constants(call: Call, function: Function, arguments: tuple[Expression | None, ...]) -> Iterator[Problem]:
    """What constant arguments make sure to fail: found by trying."""
    fixed = all(a is None or isinstance(a, Text | Number | Constant) for a in arguments)
    try:
        evaluate = bind(call)
        if fixed and function.build is None and call.name != "Error":
            evaluate({}, _TRIAL)
        for name, argument in zip((p.name for p in function.parameters), arguments, strict=False):
            if isinstance(argument, Text):
                _check_constant(call, function, name, argument.value)
    except ExpressionError as error:
        if error.position == call.position:  # an inner call reports its own
            yield _problem(error)
    except Fault as fault:
        yield _error(call, fault.message, fault.remedy, call.name)


def _check_constant(call: Call, function: Function, name: str, value: str) -> None:
    if name == "interval" and value not in INTERVALS:
        raise Fault(f"{shown(value)} is not an interval", f"Use {', '.join(INTERVALS)}")
    if function.name != "FormatDateTime":
        return
    three = len([a for a in call.arguments if a is not None]) == 3 and len(call.arguments) == 3
    role = {"dateTimeStyles": "inputFormat", "inputFormat": "outputFormat"}.get(name, name) if three else name
    if role == "dateTimeStyles":
        parse_styles(value)
    elif role in {"inputFormat", "outputFormat"}:
        check_format(value, parsing=role == "inputFormat")


def _switch(call: Call, arguments: tuple[Expression | None, ...], source: Source) -> Iterator[Problem]:
    keys = [a.value for a in arguments[2::2] if isinstance(a, Text)]
    subject = arguments[0]
    if _is_null_test(subject):
        yield _warning(
            call, "Entra warns against a test for null as its source", 'Test the attribute with a key ""', "Switch"
        )
    if subject is not None and kind(subject, source) == "R":
        yield _warning(call, "Entra does not take reference attributes here", "Map the reference directly", "Switch")
    seen: set[str] = set()
    for key in arguments[2::2]:
        if isinstance(key, Text):
            if key.value in seen:
                yield _warning(key, f"the key {shown(key.value)} stands there before and wins", "Remove it", "Switch")
            seen.add(key.value)
    covered = subject is not None and kind(subject, source) == "B" and {"True", "False"} <= set(keys)
    if arguments[1] is None and not covered:
        yield _warning(call, "there is no default: without a matching key the value is null", "Add a default", "Switch")


def _comparisons(expression: Expression, source: Source) -> Iterator[Problem]:
    for node in walk(expression):
        if not isinstance(node, Compare):
            continue
        kinds = [kind(side, source) for side in (node.left, node.right)]
        for side, given in zip((node.left, node.right), kinds, strict=True):
            if given in {"L", "C", "O", "X"}:
                yield _error(side, f"{KIND_WORDS[given]} can't be compared", _INSTEAD[given])
        if node.operator not in {"=", "<>"} and set(kinds) <= {"S", "R"}:
            yield _warning(
                node, "two texts are put in order by their characters, so \"10\" is less than \"9\"",
                "Compare with a number without quotes, or dates with DateDiff",
            )  # fmt: skip
        if "N" in kinds:
            for side in (node.left, node.right):
                if isinstance(side, Text) and parse_number(side.value) is None:
                    yield _warning(side, f"{shown(side.value)} is never equal to a number", "Compare with a number")


# ── the result ───────────────────────────────────────────────────────────────────────────────────────────────────

_UNFIT = {
    "Integer": "BDRXC",
    "Boolean": "DRXC",
    "DateTime": "NBRXC",
    "Reference": "SNBDXC",
    "Binary": "NBDRC",
    "String": "",
}


def _result(expression: Expression, source: Source, target: AttributeType | None) -> Iterator[Problem]:
    if is_always_null(expression):
        yield _warning(expression, "the value is always null, so nothing is ever sent", "Add a value")
    for leaf in leaves(expression):
        if leaf is None:
            continue
        given = kind(leaf, source)
        if given == "O":
            yield _error(leaf, "an option of a function is no value", "Write a value")
        if target is None or given in {"I", "O", "?"}:
            continue
        if given == "L":
            if not target.multivalued:
                yield _warning(
                    leaf,
                    "the target holds one value, and several fail the object with SchemaPropertyCanOnlyAcceptValue",
                    _INSTEAD["L"],
                )
        elif given in _UNFIT[target.type]:
            yield _error(
                leaf,
                f"the target is of type {target.type} and the value is {KIND_WORDS[given]}",
                "Map another value, or change the type of the target attribute",
            )
        elif isinstance(leaf, Text):
            yield from _constant_result(leaf, target)
        elif given == "S" and target.type in _READ_OUT_OF_TEXT and _is_plain_text(leaf):
            yield _warning(
                leaf,
                f"the target is of type {target.type} and the value is text; text that can't be read so fails the object",
                "Map an attribute of that type, or decide with IIF or Switch",
            )


_READ_OUT_OF_TEXT = frozenset({"Boolean", "Integer", "DateTime"})


def _is_plain_text(leaf: Expression) -> bool:
    # Extension attributes are text whatever they hold, so there a number or a date is nothing unusual.
    return isinstance(leaf, Attribute) and "extension" not in leaf.name.lower()


def _constant_result(leaf: Text, target: AttributeType) -> Iterator[Problem]:
    if not leaf.value:
        return
    try:
        if target.type == "Boolean":
            truth(leaf.value)
        elif target.type == "Integer" and not isinstance(parse_number(leaf.value), int):
            raise Fault(f"{shown(leaf.value)} is not a whole number", "Give a whole number")
        elif target.type == "DateTime":
            parse_date(leaf.value)
    except Fault as fault:
        remedy = 'Write "True" or "False"' if target.type == "Boolean" else fault.remedy
        yield _error(leaf, f"the target is of type {target.type}: {fault.message}", remedy)


def _matching(expression: Expression) -> Iterator[Problem]:
    for node in walk(expression):
        function = FUNCTIONS.get(node.name) if isinstance(node, Call) else None
        if function is None:
            continue
        if function.name == "SelectUniqueValue":
            yield _error(node, "a matching attribute needs one value", "Use it on another attribute", function.name)
        elif not function.deterministic:
            yield _warning(
                node,
                "in a matching attribute a value that differs each time never finds the object again",
                "Match on an attribute that stays the same",
                function.name,
            )

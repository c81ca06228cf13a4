"""What the table of functions says of each function: its shape, its meaning, and how it is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from rollcall.provisioning.functions_choice import Arguments, Evaluate

# Kinds of parameters and results: S text, N number, B boolean, D date-time, L list, A attribute, E any expression,
# C complex values, O option without quotes (expressions.md §2).
Kind: TypeAlias = Literal["S", "N", "B", "D", "L", "A", "E", "C", "O"]

KIND_NAMES: dict[str, str] = {
    "S": "text",
    "N": "number",
    "B": "boolean",
    "D": "date-time",
    "L": "list",
    "A": "attribute",
    "E": "any value",
    "C": "complex values",
    "O": "option",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; `blank` ones may be left empty between commas although they count, `repeating` ones come last.

    `key` is the name that Graph's parseExpression gives it.
    """

    name: str
    kind: Kind
    required: bool = True
    blank: bool = False
    repeating: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: exactly one of `expected` (compared by text form), `ignored` and `matches` says the result."""

    expression: str
    source: dict[str, Any]
    expected: Any = None
    matches: str | None = None
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function.

    `call` takes values (after the Context, with `needs_context`); `build` takes arguments still to be evaluated and
    gives the evaluation itself. With `null_through`, a null first argument gives null. `check_shape` finds faults in
    the number of arguments that the parameters can't express; it gets one boolean an argument, true when given.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: Kind
    meaning: str
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    example: Example
    call: Callable[..., Any] | None = None
    build: Callable[[Arguments], Evaluate] | None = None
    needs_context: bool = False
    null_through: bool = False
    deterministic: bool = True
    cloud_sync_only: bool = False
    check_shape: Callable[[Sequence[bool]], str | None] | None = None

    @property
    def least(self) -> int:
        """The smallest number of arguments."""
        return sum(p.required for p in self.parameters)

    @property
    def most(self) -> int | None:
        """The largest number of arguments, None without a limit."""
        return None if self.parameters and self.parameters[-1].repeating else len(self.parameters)

    def parameter(self, index: int) -> Parameter:
        """The parameter that takes the argument at this place, from 0."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    @property
    def signature(self) -> str:
        """The function as it is written, such as `Mid(source, start, length)`."""
        shown = (f"{p.name}{'' if p.required else '?'}{', …' if p.repeating else ''}" for p in self.parameters)
        return f"{self.name}({', '.join(shown)})"


def parameters(written: str) -> tuple[Parameter, ...]:
    """Read parameters written as `name K` with commas between.

    After the kind: `?` optional, `_` may be left empty, `*` repeating; a Graph key may follow after a blank.
    """
    return tuple(_parameter(part.split()) for part in written.split(",") if part.strip())


def _parameter(words: list[str]) -> Parameter:
    name, code = words[0], words[1]
    kind = code[0]
    assert kind in get_args(Kind), code
    return Parameter(
        name,
        kind,  # type: ignore[arg-type]
        required="?" not in code,
        blank="_" in code or "?" in code,
        repeating="*" in code,
        key=words[2] if len(words) > 2 else name,
    )

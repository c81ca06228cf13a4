"""Regular expressions of .NET turned into the dialect of the `regex` package.

What is translated and why: group syntax and numbers (.NET counts unnamed groups first, then named ones),
inline options (kept by scope), `\\Z`, class subtraction, Unicode blocks, literal braces. What .NET refuses is
refused too, so that a pattern means the same here and there or is an error. Left out: balancing groups.
`\\w` also holds letters with combining spacing marks here. Source: .NET "Regular expression language".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rollcall.provisioning.expression_values import Fault, shown

MOST_CHARACTERS = 10_000
DEEPEST = 80
HEAVIEST = 5_000  # repeats written out by the engine, `(a{10}){10}` is 100

_QUANTIFIER = re.compile(r"[*+?]|\{([0-9]{1,9})(,([0-9]{0,9}))?\}")
_NAMED_GROUP = re.compile(r"\?(?:<(\w+)>|'(\w+)')")
_OPTIONS = re.compile(r"\?([imnsx]*)(?:-([imnsx]+))?([:)])")
_CONDITION = re.compile(r"\?\((\w+)\)")
_BACK_REFERENCE = re.compile(r"\\(?:([1-9][0-9]*)|k<(\w+)>|k'(\w+)')")
_CODE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|c([@-_a-z])|(0[0-7]{0,2}))")
_PROPERTY = re.compile(r"\\([pP])\{(\w[\w-]*)\}")
_SIMPLE_ESCAPES = {"a": "\a", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CATEGORY = re.compile(r"L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfsno]?")
_BLOCKS = {"Greek": "GreekandCoptic", "CombiningMarksforSymbols": "CombiningDiacriticalMarksforSymbols"}


@dataclass(slots=True)
class _Scope:
    """What an open group will need when it closes."""

    options: str
    opened: int = 0  # groups opened for options in mid-pattern, to be closed with this one or at `|`
    weight: int = 0
    before: int = 0  # weight of what stood before in the enclosing scope


@dataclass(slots=True)
class Translation:
    """A pattern in the dialect of `regex`, and the group there for each .NET name or number."""

    pattern: str
    groups: dict[str, str]
    names: tuple[str, ...] = field(default=())  # the groups' own names there, by .NET number from 1


def translate(pattern: str) -> Translation:
    """Turn a .NET pattern. Raises Fault for what .NET would refuse, and for what is left out."""
    if len(pattern) > MOST_CHARACTERS:
        raise Fault(
            f"the pattern has {len(pattern):,} characters, at most {MOST_CHARACTERS:,} are allowed", "Shorten it"
        )
    return _Translator(pattern).run()


class _Translator:
    """One pass from left to right; back references wait in `out` until all groups are known."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.offset = 0
        self.out: list[str | tuple[str, str, int]] = []
        self.scopes = [_Scope("")]
        self.unnamed = 0
        self.named: list[str] = []
        self.atom = 0  # where in `out` the last atom starts
        self.atom_weight = 0
        self.quantifiable = False

    def fault(self, message: str, remedy: str = "Correct the pattern") -> Fault:
        return Fault(
            f"the pattern {shown(self.pattern)} is no regular expression: {message} (character {self.offset + 1})",
            remedy,
        )

    def run(self) -> Translation:
        while self.offset < len(self.pattern):
            self.step()
        if len(self.scopes) > 1:
            raise self.fault("a parenthesis is not closed", "Add ), or write \\( for the character")
        self.close_options()
        numbered = [str(n) for n in range(1, self.unnamed + 1)]
        names = list(dict.fromkeys(self.named))
        groups = {n: f"u{n}" for n in numbered}
        after = self.unnamed
        for name in names:
            if name.isdecimal():
                groups[name] = f"u{int(name)}"
            else:
                groups[name] = f"n{names.index(name)}"
        order = list(groups.values())
        for name in names:
            if not name.isdecimal():
                after += 1
                groups.setdefault(str(after), groups[name])
        return Translation("".join(self.resolve(part, groups) for part in self.out), groups, tuple(order))

    def resolve(self, part: str | tuple[str, str, int], groups: dict[str, str]) -> str:
        if isinstance(part, str):
            return part
        kind, name, offset = part
        group = groups.get(name if not name.isdecimal() else str(int(name)))
        if kind == "n":
            return f"(?P<n{list(dict.fromkeys(self.named)).index(name)}>"
        if group is None:
            self.offset = offset
            if kind == "(" and not name.isdecimal():
                return f"(?(?={re.escape(name)})"  # .NET: no such group, so the word is an expression to look ahead for
            raise self.fault(f"there is no group {name}", "Name a group of the pattern")
        return f"(?P={group})" if kind == "=" else f"(?({group})"

    # ── one construct at a time ──────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        mark = self.pattern[self.offset]
        scope = self.scopes[-1]
        if "x" in scope.options and (mark.isspace() or mark == "#"):
            self.skip_comment(mark)
        elif mark == "(":
            self.open_group()
        elif mark == ")":
            self.close_group()
        elif mark == "|":
            self.alternative()
        elif mark == "[":
            self.add(self.character_class())
        elif mark == "\\":
            self.escape()
        elif mark in "*+?" or (mark == "{" and _QUANTIFIER.match(self.pattern, self.offset)):
            self.quantifier()
        elif mark in "^$":
            self.offset += 1
            self.add(mark)
        else:
            self.offset += 1
            self.add("." if mark == "." else re.escape(mark))

    def add(self, written: str, weight: int = 1) -> None:
        self.atom = len(self.out)
        self.out.append(written)
        self.atom_weight = weight
        self.scopes[-1].weight += weight
        self.quantifiable = True

    def skip_comment(self, mark: str) -> None:
        if mark == "#":
            end = self.pattern.find("\n", self.offset)
            self.offset = len(self.pattern) if end < 0 else end
        self.offset += 1

    def quantifier(self) -> None:
        found = _QUANTIFIER.match(self.pattern, self.offset)
        assert found is not None
        if not self.quantifiable:
            raise self.fault("a quantifier stands after nothing it could repeat", "Escape it, such as \\+ or \\*")
        least, upper, most = found.group(1), found.group(2), found.group(3)
        if least and most and int(most) < int(least):
            raise self.fault(f"{found.group()} asks for at most less than at least", "Swap the numbers")
        times = max(int(least or 1), 1)
        scope = self.scopes[-1]
        scope.weight += self.atom_weight * (times - 1)
        if scope.weight > HEAVIEST:
            raise self.fault("repeats inside repeats are too large together", "Use smaller numbers")
        self.offset = found.end()
        written = f"{{{int(least)}{',' + str(int(most)) if most else upper or ''}}}" if least else found.group()
        if self.pattern.startswith("?", self.offset):
            self.offset += 1
            written += "?"
        self.out.append(written)
        self.quantifiable = False

    def alternative(self) -> None:
        # Options set in mid-pattern hold to the end of the group, across alternatives.
        scope = self.scopes[-1]
        opened = scope.opened
        self.close_options()
        self.out.append("|")
        if opened:
            self.open_options(scope.options)
        self.offset += 1
        self.quantifiable = False

    def open_options(self, options: str) -> None:
        on = "".join(o for o in "ims" if o in options)
        off = "".join(o for o in "ims" if o not in options)
        self.out.append(f"(?{on}{'-' + off if off else ''}:")
        self.scopes[-1].opened += 1

    def close_options(self) -> None:
        self.out.append(")" * self.scopes[-1].opened)
        self.scopes[-1].opened = 0

    # ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────

    def open_group(self) -> None:
        pattern, start = self.pattern, self.offset + 1
        options = self.scopes[-1].options
        if len(self.scopes) > DEEPEST:
            raise self.fault(f"more than {DEEPEST} groups inside each other", "Simplify the pattern")
        if not pattern.startswith("?", start):
            if "n" in options:
                self.push("(?:", options, start)
            else:
                self.unnamed += 1
                self.push(f"(?P<u{self.unnamed}>", options, start)
        elif found := _NAMED_GROUP.match(pattern, start):
            self.open_named(found.group(1) or found.group(2), options, found.end())
        elif pattern.startswith("?#", start):
            end = pattern.find(")", start)
            if end < 0:
                raise self.fault("a comment is not closed", "Add )")
            self.offset = end + 1
        elif found := re.compile(r"\?(?:[:=!>]|<[=!])").match(pattern, start):
            self.push("(" + found.group(), options, found.end())
        elif found := _CONDITION.match(pattern, start):
            self.push_condition(found)
        elif pattern.startswith("?(", start):
            self.push("(?", options, start + 1)
            self.offset = start + 2
            self.push("(?=", options, start + 2)
        elif found := _OPTIONS.match(pattern, start):
            self.set_options(found, options)
        else:
            raise self.fault("this kind of group is not known", "Write (?<name>…), (?:…), (?=…), (?!…) or (?>…)")

    def open_named(self, name: str, options: str, after: int) -> None:
        if name.isdecimal():
            name = str(int(name))
            if name == "0":
                raise self.fault("group 0 is the whole match", "Give the group another number")
            self.named.append(name)
            self.push(f"(?P<u{name}>", options, after)
            return
        self.named.append(name)
        self.push("", options, after)
        self.out[-1] = ("n", name, self.offset)

    def push_condition(self, found: re.Match[str]) -> None:
        self.push("", self.scopes[-1].options, found.end())
        self.out[-1] = ("(", found.group(1), self.offset)

    def push(self, written: str, options: str, after: int) -> None:
        self.scopes.append(_Scope(options, before=len(self.out)))
        self.out.append(written)
        self.offset = after
        self.quantifiable = False

    def set_options(self, found: re.Match[str], options: str) -> None:
        on, off, end = found.groups()
        options = "".join(sorted((set(options) | set(on)) - set(off or "")))
        if end == ":":
            self.push("(?:", options, found.end())
            self.open_options(options)
            return
        self.scopes[-1].options = options
        self.offset = found.end()
        self.open_options(options)
        self.quantifiable = False

    def close_group(self) -> None:
        if len(self.scopes) == 1:
            raise self.fault("a parenthesis closes that was not opened", "Remove it, or write \\) for the character")
        self.close_options()
        scope = self.scopes.pop()
        self.out.append(")")
        self.offset += 1
        self.atom = scope.before
        self.atom_weight = scope.weight
        self.scopes[-1].weight += scope.weight
        self.quantifiable = True

    # ── escapes and classes ──────────────────────────────────────────────────────────────────────────────────────

    def escape(self) -> None:
        if found := _BACK_REFERENCE.match(self.pattern, self.offset):
            name = found.group(1) or found.group(2) or found.group(3)
            position, self.offset = self.offset, found.end()
            self.add("")
            self.out[-1] = ("=", name, position)
            return
        mark = self.pattern[self.offset + 1 : self.offset + 2]
        if mark in {"A", "b", "B", "G", "d", "D", "w", "W", "s", "S"} and mark:
            self.offset += 2
            self.add("\\" + mark)
        elif mark == "Z":
            self.offset += 2
            self.add(r"(?=\n?\Z)")  # .NET: before a last line break too
        elif mark == "z":
            self.offset += 2
            self.add(r"\Z")
        elif mark in {"p", "P"}:
            self.add(self.property())
        else:
            self.add(re.escape(self.character()))

    def property(self) -> str:
        found = _PROPERTY.match(self.pattern, self.offset)
        if found is None:
            raise self.fault("\\p needs a name in braces", "Write it like \\p{L} or \\p{IsGreek}")
        kind, name = found.groups()
        if not _CATEGORY.fullmatch(name) and not name.startswith("Is"):
            raise self.fault(f"there is no Unicode category {name}", "Write it like \\p{L} or \\p{IsGreek}")
        self.offset = found.end()
        block = name.removeprefix("Is")
        return found.group() if block == name else f"\\{kind}{{Block={_BLOCKS.get(block, block)}}}"

    def character(self) -> str:
        """The one character that an escape stands for."""
        if found := _CODE.match(self.pattern, self.offset):
            two, four, control, octal = found.groups()
            self.offset = found.end()
            if control:
                return chr(ord(control.upper()) - 64)
            return chr(int(two or four, 16) if two or four else int(octal, 8))
        mark = self.pattern[self.offset + 1 : self.offset + 2]
        if not mark:
            raise self.fault("a backslash stands at the end", "Write \\\\ for a backslash")
        if mark not in _SIMPLE_ESCAPES and (mark.isalnum() or mark == "_"):
            raise self.fault(f"\\{mark} is not known", "Write the character without backslash")
        self.offset += 2
        return _SIMPLE_ESCAPES.get(mark, mark)

    def character_class(self, depth: int = 0) -> str:
        """A class in brackets; `[a-z-[aeiou]]` becomes a look-ahead that takes the inner class away."""
        if depth > 20:
            raise self.fault("too many classes inside each other", "Simplify the pattern")
        opened = self.offset
        self.offset += 1
        negated = self.pattern.startswith("^", self.offset)
        self.offset += negated
        items: list[str] = []
        while True:
            mark = self.pattern[self.offset : self.offset + 1]
            if not mark:
                self.offset = opened
                raise self.fault("a character class is not closed", "Add ], or write \\[ for the character")
            if mark == "]" and items:
                self.offset += 1
                return f"[{'^' if negated else ''}{''.join(items)}]"
            if items and self.pattern.startswith("-[", self.offset):
                self.offset += 1
                taken = self.character_class(depth + 1)
                if not self.pattern.startswith("]", self.offset):
                    raise self.fault("a subtraction must end its class", "Put -[…] at the end of the class")
                self.offset += 1
                return f"(?:(?!{taken})[{'^' if negated else ''}{''.join(items)}])"
            items.append(self.class_item())

    def class_item(self) -> str:
        first = self.class_character()
        if len(first) > 1:
            return first
        ranged = self.pattern.startswith("-", self.offset) and self.pattern[self.offset + 1 : self.offset + 2] not in {
            "]",
            "[",
            "",
        }
        if not ranged:
            return _in_class(first)
        self.offset += 1
        last = self.class_character()
        if len(last) > 1 or last < first:
            raise self.fault("a range in a class runs backwards", "Swap its ends, or write \\- for the character")
        return f"{_in_class(first)}-{_in_class(last)}"

    def class_character(self) -> str:
        """One character, or a longer text for a whole set such as `\\d`."""
        mark = self.pattern[self.offset]
        if mark != "\\":
            self.offset += 1
            return mark
        kind = self.pattern[self.offset + 1 : self.offset + 2]
        if kind in {"d", "D", "w", "W", "s", "S"} and kind:
            self.offset += 2
            return "\\" + kind
        if kind in {"p", "P"}:
            return self.property()
        if kind == "b":
            self.offset += 2
            return "\b"
        return self.character()


def _in_class(character: str) -> str:
    return f"\\U{ord(character):08X}" if not character.isalnum() or not character.isascii() else character

"""What to look up in the target, and which target resource an entry is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from unicodedata import normalize

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.differences import waits_for_the_target
from rollcall.provisioning.model import Desired, Json, Key, Link, Problem, Scope, Values
from rollcall.scim.datatypes import fold

Lookup = tuple[str, Json]


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be asked of the target before an entry can be planned.

    `target_id`: read this resource first. `lookups`: where there is none, find by each attribute and
    value in turn, up to the first hit (rules M1, M9). `fresh`: an earlier listing will not do.
    """

    key: Key
    target_id: str | None
    lookups: tuple[Lookup, ...]
    fresh: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the target said to a question: id and mapped values of each hit, or why it could not say.

    `by` is the look-up that hit, `refusal` the answer that was none.
    """

    hits: Sequence[tuple[str, Values]] = ()
    by: Lookup | None = None
    problem: Problem | None = None
    refusal: Refused | Unanswered | None = None


def question(desired: Desired, scope: Scope, link: Link, *, verify: bool) -> Question | None:
    """What to ask for one entry, or None where what is known suffices.

    - What is uncertain is read before it is believed, wanted or not: an account that may exist has
      to be found so that it can be removed.
    - Something wanted and not linked is matched; something not wanted and never made needs nothing.
    - `verify` reads linked resources again (a restart looks at the target, rule Y6); so does what flows only while
      the target is empty, unless it is known not to be (rules A1, A3).
    """
    again = desired.matching if scope.verdict == "active" and desired.problem is None else ()
    if link.state == "uncertain":
        if link.target_id is not None:
            return Question(desired.key, link.target_id, again, fresh=True)
        return Question(desired.key, None, _unique(link.intent_matching + desired.matching), fresh=True)
    if link.state == "linked":
        waits = scope.verdict == "active" and waits_for_the_target(desired, link.sent)
        if (verify or waits) and scope.verdict not in ("gone", "ignored"):
            return Question(desired.key, link.target_id, again, fresh=False)
        return None
    return Question(desired.key, None, again, fresh=link.escrow is not None) if again else None


def believed(by: Lookup, hits: Sequence[tuple[str, Values]], shown: Sequence[Sequence[Json]], *, exact: bool) -> Seen:
    """What is believed of the answer to a look-up: the hits that show the value that was asked for (rule M5).

    `shown`: all values of the attribute in each hit; letter case counts where it is `exact`. A target that compares
    more loosely (letter case, `ß` as `ss`) has found somebody else, so nobody; one that answers with altogether
    different resources, or does not show what it was asked by, is a problem: nobody can be told from anybody.
    """
    attribute, value = by
    wanted = comparable(value, exact=exact)
    rows = list(zip(hits, shown, strict=True))
    kept = [hit for hit, values in rows if wanted in {comparable(each, exact=exact) for each in values}]
    others = [hit for hit, values in rows if values and not resembles(value, values)]
    if kept or not (others or any(not values for values in shown)):
        return Seen(kept, by=by)
    return Seen(problem=_unsafe(attribute, others, hits))


def _unsafe(attribute: str, others: Sequence[tuple[str, Values]], hits: Sequence[tuple[str, Values]]) -> Problem:
    ids = ", ".join(target_id for target_id, _ in (others or hits)[:5])
    if others:
        reason = (
            f"Asked by {attribute}, the target answered with objects that have another {attribute} ({ids}). It seems "
            f"to ignore a filter on {attribute}, so nobody can be matched safely. Match by another."
        )
    else:
        reason = (
            f"The target does not show {attribute} in what it found by it ({ids}), so it can't be matched safely: "
            f"either it ignores the filter on {attribute}, or it keeps that attribute to itself. Match by another."
        )
    return Problem("SystemForCrossDomainIdentityManagementServiceIncompatible", reason)


def resembles(value: Json, shown: Sequence[Json]) -> bool:
    """Whether a target that compares loosely may take one of the values shown for that value."""
    return fold(str(value)) in {fold(str(each)) for each in shown}


def _unique(lookups: tuple[Lookup, ...]) -> tuple[Lookup, ...]:
    return tuple(dict.fromkeys(lookups))


@dataclass(frozen=True, slots=True)
class NotOurs:
    """What an uncertain creation was looked for by has become somebody else's: that creation came to nothing."""


def settle(
    link: Link,
    wanted: Sequence[Lookup],
    seen: Seen,
    owners: Mapping[str, Key],
    claims: Mapping[Lookup, Key],
    names: Mapping[Key, str] | None = None,
) -> Link | NotOurs | Problem:
    """The link after the target has answered, or the problem that keeps it as it was.

    `wanted`: what the entry is matched by now. `owners`: which source object each target id is linked
    to already. `claims`: which source object may have made a resource with that value, and does not
    know yet. `names`: what objects are called, as far as it is known. More than one hit, and a hit of another source
    object, are faults that name the ids (M5).
    """
    if seen.problem is not None:
        return seen.problem
    ids = [target_id for target_id, _ in seen.hits]
    if len(ids) > 1:
        return Problem(
            "DuplicateTargetEntries",
            f"{len(ids)} objects in the target match ({', '.join(ids[:5])}). Remove or rename all but one.",
        )
    if not ids:
        return link.forgotten()
    owner = owners.get(ids[0])
    if owner is not None and owner != link.key and seen.by not in wanted:
        return NotOurs()
    claimant = None if seen.by is None or owner is not None else claims.get((seen.by[0], match_form(seen.by[1])))
    other = claimant if owner is None else owner
    if other is not None and other != link.key:
        return Problem(
            "DuplicateSourceEntries",
            f"The target object {ids[0]} that matches {_told(link.key, names)} belongs to {_told(other, names)} "
            "already. Give the two source objects different values in the matching attribute.",
        )
    return replace(link, state="linked", target_id=ids[0], sent=dict(seen.hits[0][1]), intent_matching=())


def _told(key: Key, names: Mapping[Key, str] | None) -> str:
    name = (names or {}).get(key)
    return f"{key.kind} {name} ({key.id})" if name else f"{key.kind} {key.id}"


def listing_pays(lookups: int, total: int, page_size: int) -> bool:
    """Whether reading the whole target costs fewer requests than asking for each entry by itself."""
    pages = -(-total // page_size) if total else 1
    return pages <= lookups


class TargetIndex:
    """All resources of one kind as one listing showed them, by matching value.

    It answers questions without a request. What the cycle itself changes is put in; it may still be older than the
    target: a resource that was made since then by others shows up as a refused creation, which is matched again with
    a fresh question.
    """

    def __init__(self, attributes: frozenset[str], exact: frozenset[str] = frozenset()) -> None:
        """Of these attributes; letter case counts in those that are `exact`."""
        self.attributes = attributes
        self._exact = exact
        self._by_value: dict[tuple[str, str], list[str]] = {}
        self._by_id: dict[str, Values] = {}
        self._found_by: dict[str, list[tuple[str, str]]] = {}
        self._made: set[int] = set()

    def note_made(self, values: Values) -> None:
        """Remember of a resource only that it was made since, by hashes: who looks for such values has to ask the target.

        A first cycle of 100,000 makes as many, and nearly nobody looks for one of them.
        """
        self._made.update(hash((path, self._form(path, values[path]))) for path in self.attributes & values.keys())

    def may_be_made(self, attribute: str, value: Json) -> bool:
        """Whether a resource with that value may have been made since."""
        return hash((attribute, self._form(attribute, value))) in self._made

    @property
    def is_complete(self) -> bool:
        """Whether it shows all that it knows of."""
        return not self._made

    def add(self, target_id: str, values: Values, found_by: Mapping[str, Sequence[Json]] | None = None) -> None:
        """Take in one resource: its id and the values of its mapped attributes.

        `found_by`: all values of the indexed attributes, where one may have several.
        """
        self.drop(target_id)
        self._by_id[target_id] = values
        every = {path: [values[path]] for path in self.attributes & values.keys()} if found_by is None else found_by
        forms = {(path, self._form(path, value)) for path in sorted(every) for value in every[path]}
        self._found_by[target_id] = sorted(forms)
        for form in self._found_by[target_id]:
            self._by_value.setdefault(form, []).append(target_id)

    def drop(self, target_id: str) -> None:
        """Forget one resource."""
        self._by_id.pop(target_id, None)
        for form in self._found_by.pop(target_id, ()):
            self._by_value[form].remove(target_id)

    def _form(self, attribute: str, value: Json) -> str:
        return comparable(value, exact=attribute in self._exact)

    @property
    def size(self) -> int:
        """How many resources it holds."""
        return len(self._by_id)

    def read(self, target_id: str) -> Values | None:
        """The values of one resource, or None when the listing did not show it."""
        return self._by_id.get(target_id)

    def find(self, attribute: str, value: Json) -> list[tuple[str, Values]]:
        """Ids and values of the resources with that value."""
        return [
            (found, self._by_id[found]) for found in self._by_value.get((attribute, self._form(attribute, value)), ())
        ]


_UNIQUE = {"User": frozenset({"userName", "externalId"}), "Group": frozenset({"displayName", "externalId"})}


def may_be_unique(kind: str, path: str) -> bool:
    """Whether targets are known to refuse a value of this attribute that another resource has."""
    return path in _UNIQUE.get(kind, ()) or path.startswith("emails")


def comparable(value: Json, *, exact: bool) -> str:
    """The form in which values of an attribute are compared; letter case counts where it is `exact`."""
    return str(value) if exact else match_form(value)


def match_form(value: Json) -> str:
    """The form in which matching values are compared: without letter case, as SCIM's `eq` does for userName.

    Narrower than `fold`, which takes `ß` for `ss`: two accounts are never taken for one. The two small sigmas are one
    letter, written by its place in the word.
    """
    text = str(value)
    return text.lower() if text.isascii() else normalize("NFC", normalize("NFC", text).lower().replace("ς", "σ"))


def claims_of(uncertain: Iterable[Link]) -> dict[tuple[str, str], Key]:
    """What these links, whose creation has an unknown outcome, may have put into the target, by value."""
    return {(attribute, match_form(value)): link.key for link in uncertain for attribute, value in link.intent_matching}

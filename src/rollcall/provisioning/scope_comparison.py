"""Who would enter and who would leave the scope of a job if its filters, mappings or settings were others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollcall.provisioning.mapping import CompiledMapping, reportable_identifier
from rollcall.provisioning.model import Entry, JobSettings, Key, ScopeVerdict
from rollcall.provisioning.scoping import decide

_NAMES = 10


@dataclass(frozen=True, slots=True)
class ScopeRules:
    """What decides about scope: the settings of a job and its object mappings by kind."""

    settings: JobSettings
    mappings: Mapping[str, CompiledMapping]

    def verdict(self, entry: Entry) -> ScopeVerdict:
        """The scope of an entry; whose kind is not provisioned at all is left alone."""
        compiled = self.mappings.get(entry.key.kind)
        if compiled is None or not compiled.mapping.enabled:
            return "ignored"
        return decide(entry, self.settings, compiled.filters).verdict


@dataclass(slots=True)
class Moves:
    """How many objects of one kind make a move, and the names of the first of them."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Count one in."""
        self.count += 1
        if len(self.names) < _NAMES:
            self.names.append(reportable_identifier(entry))


@dataclass(slots=True)
class ScopeChange:
    """What a change does to the scope, for the objects of one kind.

    `left_alone` were in scope and are not looked at any more, because of an input filter or a disabled mapping;
    `undecided` were in scope, and the new filter can't be evaluated for them: they stay. `linked` counts who leaves and
    is in the application; `fate` says what becomes of those.
    """

    fate: str
    entering: Moves = field(default_factory=Moves)
    leaving: Moves = field(default_factory=Moves)
    left_alone: Moves = field(default_factory=Moves)
    undecided: Moves = field(default_factory=Moves)
    linked: int = 0


@dataclass(slots=True)
class ScopePreview:
    """What a change does to the scope of a job: `read` objects were looked at.

    `deletion_threshold` is the one the next cycle has; 0 for none.
    """

    users: ScopeChange
    groups: ScopeChange
    read: int = 0
    deletion_threshold: int = 0

    @property
    def removals(self) -> int:
        """How many accounts and groups the change would have disabled or deleted."""
        return sum(change.linked for change in (self.users, self.groups) if change.fate != "keep")

    @property
    def reaches_threshold(self) -> bool:
        """Whether the next cycle would hold removals back because of this change alone."""
        return bool(self.deletion_threshold) and self.removals >= self.deletion_threshold

    @property
    def is_empty(self) -> bool:
        """Whether nobody enters and nobody leaves."""
        moves = [each for kind in (self.users, self.groups) for each in (kind.entering, kind.leaving, kind.left_alone)]
        return not any(each.count for each in moves)


def matters(before: ScopeRules, after: ScopeRules) -> bool:
    """Whether the two can differ about anybody's scope."""
    settings = ("scope", "nested_groups")
    if any(getattr(before.settings, name) != getattr(after.settings, name) for name in settings):
        return True
    return _filters(before) != _filters(after)


def _filters(rules: ScopeRules) -> dict[str, object]:
    mappings = {kind: compiled.mapping for kind, compiled in rules.mappings.items() if compiled.mapping.enabled}
    return {kind: (mapping.filters, mapping.input_filters) for kind, mapping in mappings.items()}


def empty_preview(after: ScopeRules) -> ScopePreview:
    """A preview that nobody has been counted into."""
    threshold = after.settings.deletion_threshold or 0
    return ScopePreview(
        ScopeChange(_fate("User", after)), ScopeChange(_fate("Group", after)), deletion_threshold=threshold
    )


def _fate(kind: str, rules: ScopeRules) -> str:
    """What becomes of linked objects that leave, in one word of the plan: disable, delete, or keep."""
    compiled = rules.mappings.get(kind)
    if compiled is None or not compiled.mapping.enabled or rules.settings.skip_out_of_scope_deletions:
        return "keep"
    if kind == "Group" or not rules.settings.soft_delete:
        return "delete" if compiled.mapping.delete else "keep"
    disables = any(step.reads_soft_deleted for step in compiled.steps)
    return "disable" if compiled.mapping.update and disables else "keep"


def count_in(preview: ScopePreview, entry: Entry, before: ScopeVerdict, after: ScopeVerdict) -> Key | None:
    """Count one entry into the preview; its key when it leaves, so that its link can be looked up."""
    preview.read += 1
    change = preview.users if entry.key.kind == "User" else preview.groups
    if after == "active":
        if before != "active":
            change.entering.add(entry)
        return None
    if before != "active":
        return None
    if after == "ignored":
        change.left_alone.add(entry)
        return None
    if after == "undecided":
        change.undecided.add(entry)
        return None
    change.leaving.add(entry)
    return entry.key

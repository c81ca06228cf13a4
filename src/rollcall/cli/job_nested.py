"""Warns of the groups inside assigned groups that a job leaves out, and says what to do about it (rule S2)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from rich.console import Console

from rollcall import provisioning
from rollcall.cli.output import counted, safe, shell_word
from rollcall.main import Parts
from rollcall.provisioning import Job, LeftOut

_SHOWN = 10


async def left_out(parts: Parts, tenant: UUID, job: Job, inside: UUID | None = None) -> list[LeftOut]:
    """The groups inside assigned groups that the job leaves out, or only those in one of them."""
    return await provisioning.left_out(parts.provisioning, tenant, job.id, inside)


def to_json(groups: Sequence[LeftOut]) -> list[dict[str, object]]:
    """The groups as data: each with its id, name, people, and the assigned group it is in."""
    return [
        {
            "id": each.key.id,
            "name": each.name,
            "inside_id": each.inside.id,
            "inside": each.inside_name,
            "people": each.people,
            "or_more": each.or_more,
        }
        for each in groups
    ]


def warn(console: Console, job: Job, groups: Sequence[LeftOut]) -> None:
    """Name the groups and the remedy; nothing when there are none."""
    if not groups:
        return
    console.print(
        f"[yellow]Left out:[/] {counted(len(groups), 'group')} inside assigned groups, because "
        f"{safe(job.display_name)} takes direct members only."
    )
    for each in groups[:_SHOWN]:
        people = f"{each.people:,} or more people" if each.or_more else counted(each.people, "person", "people")
        console.print(f"  {safe(each.name)} [dim]({each.key.id})[/] in {safe(each.inside_name)}: {people}")
    if len(groups) > _SHOWN:
        console.print(f"  … and {len(groups) - _SHOWN:,} more")
    name = shell_word(job.display_name)
    console.print(
        f"  To take them in: rollcall job settings {name} nested_groups=flatten (their people become members of the "
        "assigned group), or nested_groups=mirror (they come as groups)."
    )

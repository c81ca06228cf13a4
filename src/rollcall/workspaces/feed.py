"""The conversation of a workspace in the database: what was said, newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Denied, Invalid, NotFound
from rollcall.runtime import Runtime

CHANNEL = "workspaces_feed"
"""Where processes hear that something was said or taken back; the payload is the workspace's id."""
LONGEST_POST = 4_000


@dataclass(frozen=True, slots=True)
class Post:
    """Something said. The author is None once their account is gone; what they said stays."""

    id: UUID
    author_id: UUID | None
    author: str | None
    text: str
    created: datetime


def check_text(text: str) -> str:
    """`text` without blanks around it. Raises Invalid when it is empty, too long, or can't be stored."""
    text = text.strip()
    if not text:
        raise Invalid("Write something first.", code="required")
    if len(text) > LONGEST_POST:
        raise Invalid(f"A post has at most {LONGEST_POST:,} characters; this one has {len(text):,}.", code="too_long")
    if "\x00" in text:
        raise Invalid("A post can't hold the character NUL.", code="invalid")
    return text


async def add_post(tx: Tx, runtime: Runtime, workspace_id: UUID, author_id: UUID, text: str) -> UUID:
    """Say something; the caller has let the author in. Raises Invalid."""
    identifier = runtime.new_id()
    await tx.run(
        "insert into workspaces.posts (workspace_id, id, author_id, text, created) values (%s, %s, %s, %s, %s)",
        (workspace_id, identifier, author_id, check_text(text), runtime.now()),
    )
    await _tell(tx, workspace_id)
    return identifier


async def remove_post(tx: Tx, workspace_id: UUID, post_id: UUID, by: UUID, *, is_admin: bool) -> None:
    """Take back what was said: one's own, or as an admin anybody's. Raises NotFound, Denied."""
    row = await tx.one(
        "select author_id from workspaces.posts where workspace_id = %s and id = %s for update", (workspace_id, post_id)
    )
    if row is None:
        raise NotFound("There is no such post; it may have been removed already.", code="post_unknown")
    if row["author_id"] != by and not is_admin:
        raise Denied("Only its author and the admins of the workspace can remove a post.", code="forbidden")
    await tx.run("delete from workspaces.posts where workspace_id = %s and id = %s", (workspace_id, post_id))
    await _tell(tx, workspace_id)


async def posts(
    tx: Tx, workspace_id: UUID, *, before: UUID | None = None, since: UUID | None = None, limit: int = 30
) -> list[Post]:
    """What was said, newest first: before the post `before`, or after the post `since`."""
    rows = await tx.all(
        POSTS,
        {
            "workspace": workspace_id,
            "before": before or UUID(int=2**128 - 1),
            "since": since or UUID(int=0),
            "limit": limit,
        },
    )
    return [_post(row) for row in rows]


async def last_said(tx: Tx, workspace_ids: list[UUID]) -> dict[UUID, datetime]:
    """When something was last said in each of some workspaces; those of silence are missing."""
    rows = await tx.all(
        """select wanted.id, said.created from unnest(%s::uuid[]) as wanted (id)
           cross join lateral (select p.created from workspaces.posts p where p.workspace_id = wanted.id
                               order by p.id desc limit 1) as said""",
        (workspace_ids,),
    )
    return {row["id"]: row["created"] for row in rows}


POSTS: LiteralString = """
    select p.id, u.id as author_id, coalesce(u.display_name, u.resource ->> 'userName') as author, p.text, p.created
    from (select * from workspaces.posts
          where workspace_id = %(workspace)s and id < %(before)s and id > %(since)s
          order by id desc limit %(limit)s) p
    left join workspaces.users u on u.id = p.author_id
    order by p.id desc"""


async def _tell(tx: Tx, workspace_id: UUID) -> None:
    await tx.run("select pg_notify(%s, %s)", (CHANNEL, str(workspace_id)))


def _post(row: dict[str, Any]) -> Post:
    return Post(**row)

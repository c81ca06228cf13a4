"""Tells people by mail that they were added or invited; the mail opens nothing, it says where to sign in."""

from __future__ import annotations

from html import escape
from typing import Literal

from rollcall.mail import Mail, Sent
from rollcall.workspaces.by_hand.members import Invited
from rollcall.workspaces.pages.visits import Visit

Told = Literal["sent", "failed", "none"]


async def invite_by_mail(visit: Visit, invited: Invited, place: str, path: str) -> Told:
    """Send the mail, once what it tells is committed; `none` where there is no mail server or no address."""
    house = visit.house
    if house.post is None or invited.address is None:
        return "none"
    sent = await house.post(
        Mail(
            to=invited.address,
            subject=f"You were added to {place}",
            text=_TEXT.format(place=place, organisation=visit.organisation.name, by=visit.person.name,
                              url=f"{house.base_url}{path}"),
            html=_HTML.format(place=escape(place), organisation=escape(visit.organisation.name),
                              by=escape(visit.person.name), url=escape(f"{house.base_url}{path}")),
            message_key=f"invitation-{house.runtime.new_id()}",
            date=visit.now,
        )
    )  # fmt: skip
    return "sent" if isinstance(sent, Sent) else "failed"


_TEXT = """{by} added you to {place} of {organisation}.

Sign in here:
{url}

If you don't know what this is about, you can ignore this mail: nothing happens until you sign in.
"""
_HTML = """<p>{by} added you to <strong>{place}</strong> of {organisation}.</p>
<p><a href="{url}">Sign in</a></p>
<p>If you don't know what this is about, you can ignore this mail: nothing happens until you sign in.</p>
"""

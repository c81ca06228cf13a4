"""What a decision is in plain words: for the person at the door, and for the administrator who is asked about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollcall.workspaces.access_model import Reason


@dataclass(frozen=True, slots=True)
class Words:
    """`status`: of the page. `person`: what the page says. `administrator`: what it comes from, and what to do.

    `shown_as`: another reason as which it looks from outside, so that nothing is given away; pages and answers have
    that one's words and status, and only the audit log has this one's.
    """

    status: int
    person: str
    administrator: str
    shown_as: Reason | None = None


WORDS: Mapping[Reason, Words] = {
    Reason.NOT_FOUND: Words(
        404,
        "There is no such page, or it is not for you.",
        "The organisation or workspace does not exist, was deleted, or belongs to another organisation than the "
        "session. Check the address that was opened.",
    ),
    Reason.ORG_SUSPENDED: Words(
        403,
        "This organisation is suspended. Ask its main users or the support.",
        "The operator of this installation suspended the whole organisation. Only the operator can end that.",
    ),
    Reason.LOGIN_REQUIRED: Words(
        401,
        "Sign in to go on.",
        "There is no session, it ended or is too old, it came by a login link of another workspace, or its single "
        "sign-on configuration was turned off or changed. Signing in again is all there is to do.",
    ),
    Reason.USER_DELETED: Words(
        401,
        "Sign in to go on.",
        "The account was deleted, by SCIM or by a main user. For 30 days a main user can restore it; SCIM or an "
        "invitation can make it anew. Until then it is not made by signing in.",
        Reason.LOGIN_REQUIRED,
    ),
    Reason.USER_SUSPENDED: Words(
        401,
        "Sign in to go on.",
        "SCIM sent active=false, or a main user suspended the account. Who did it has to undo it; memberships and "
        "roles were kept.",
        Reason.LOGIN_REQUIRED,
    ),
    Reason.NOT_MAIN_USER: Words(
        403,
        "You are not a main user of this organisation. Ask one of its main users.",
        "The account has no local appointment, and no list of groups makes its members main users. Add the person "
        "under Main users, or put one of their groups on the list. When a PIN was asked for, none was sent.",
    ),
    Reason.STEP_UP_REQUIRED: Words(
        403,
        "This needs a fresh or stronger sign-in. Confirm that it is you.",
        "The sign-in is older, or weaker, than the settings ask for, or a PIN is still to be given. The page leads "
        "there; nothing has to be changed.",
    ),
    Reason.SSO_REQUIRED: Words(
        403,
        "Use single sign-on here.",
        "Single sign-on takes the place of PINs on the dashboard, or the address is in *Require SSO for these "
        "addresses or domains*. No PIN and no login link was sent.",
    ),
    Reason.GROUP_NOT_ALLOWED: Words(
        403,
        "None of your groups may enter here. Ask your administrator to add you to one that may.",
        "The person's groups and *Limit to following user groups* have nothing in common. Add the person to a listed "
        "group in the directory, or a group of theirs to the list.",
    ),
    Reason.GROUPS_UNRESOLVED: Words(
        403,
        "Your organisation did not tell which groups you are in. Ask your administrator.",
        "The provider sent no groups, or too many to list, could not be asked, and SCIM does not know the person. "
        "Send only *groups assigned to the application*, or provision the person by SCIM.",
    ),
    Reason.WRONG_SSO_CONFIGURATION: Words(
        403,
        "This place needs another sign-in. Use the button below.",
        "The person came through another single sign-on configuration than this place has, or by a login link. The "
        "button leads to the right one.",
    ),
    Reason.USER_UNKNOWN: Words(
        403,
        "There is no account for you here. Ask your administrator.",
        "The sign-in was good, but no account belongs to it and none is made: the list of groups is empty, *Create "
        "users automatically* is off, or only synchronised users are let in. Provision or invite the person.",
    ),
    Reason.GUEST_NOT_ALLOWED: Words(
        403,
        "Guest accounts may not enter here. Use an account of the organisation.",
        "The account is a guest in the provider's directory, and the configuration refuses guests here.",
    ),
    Reason.SETTINGS_ONLY: Words(
        403,
        "An emergency sign-in opens the settings, and nothing else.",
        "The person came by a break-glass account or a recovery code. Repair the settings, then sign in as usual.",
    ),
    Reason.WORKSPACE_ARCHIVED: Words(
        403,
        "This workspace is archived. A main user can open it again.",
        "Nobody enters an archived workspace, admins neither. Its memberships go on following SCIM; re-open it on the "
        "dashboard.",
    ),
    Reason.NOT_A_MEMBER: Words(
        403,
        "You are not a member of this workspace. Ask one of its admins.",
        "There is no membership, and nothing makes one here: being a main user does not, and registration or automatic "
        "creation is off. In a synchronised workspace it may still be on its way. When a login link was asked for, "
        "none was sent.",
    ),
    Reason.SSO_NOT_ENABLED: Words(
        403,
        "This workspace has no single sign-on. Ask for a login link.",
        "*Users can login using single sign-on* is off in this workspace.",
    ),
    Reason.LOGIN_LINK_OFF: Words(
        403,
        "Login links are not used here any more. Use single sign-on.",
        "*Users can login with emailed login links* is off in this workspace; links that were sent before are void too.",
    ),
    Reason.DOMAIN_NOT_ALLOWED: Words(
        403,
        "Addresses of this domain can't register here.",
        "The domain of the address is not in *Domains that can register*.",
    ),
    Reason.FORBIDDEN: Words(
        403,
        "Only admins of this workspace may do this.",
        "The person is a member without the role admin. An admin or the settings of the workspace can give it.",
    ),
    Reason.UNDECIDED: Words(
        403,
        "This could not be decided, so the door stays shut. Try again, or ask a main user.",
        "Something the decision rests on could not be read or is not set. The line that failed says what.",
    ),
}

RULES: Mapping[str, str] = {
    "place": "The organisation or workspace exists, and belongs to the organisation of the session.",
    "organisation": "The organisation is not suspended.",
    "way": "The person came by a way that this place takes.",
    "session": "There is a session, within its idle and absolute limits and the re-check with the provider.",
    "account": "The account is neither deleted nor suspended, and is there where it has to be.",
    "configuration": "The single sign-on configuration behind the session is on and was not changed since.",
    "switch": "Single sign-on is on.",
    "emergency": "Break-glass accounts and recovery codes open the settings only.",
    "appointment": "The person is appointed main user.",
    "saver": "Whoever saved the present access control keeps the session they saved it in.",
    "chosen": "The person came through the configuration that is chosen here.",
    "groups": "Where there is a list of groups, the person is in one of them.",
    "creation": "Accounts may be made by signing in or registering.",
    "guest": "Guests of the provider's directory are let in, or the person is none.",
    "strength": "The provider vouches for a sign-in as strong as the configuration asks for.",
    "recent": "The provider authenticated the person recently enough.",
    "archived": "The workspace is open.",
    "member": "The person is a member, or becomes one on entering.",
    "link": "A login link opens the workspace it was sent for.",
    "links": "Login links are on.",
    "enforced": "The address need not use single sign-on.",
    "domain": "The address's domain may register.",
    "extra_pin": "The extra PIN was given where one is asked for.",
    "role": "The person is an admin of the workspace.",
}
"""What each step of a decision asks, in words."""


def words_for(reason: Reason) -> Words:
    """What is shown to the person: the words of the reason itself, or of the one it looks like from outside."""
    words = WORDS[reason]
    return words if words.shown_as is None else WORDS[words.shown_as]

"""The workspaces half: an application that organisations sign in to and that is provisioned through SCIM."""

from rollcall.workspaces.access import decide
from rollcall.workspaces.access_facts import AccessFacts, load_facts
from rollcall.workspaces.access_model import Allow, Deny, DoorKind, Reason
from rollcall.workspaces.access_words import RULES, WORDS
from rollcall.workspaces.accounts import AccountStore
from rollcall.workspaces.accounts_users import forget_tombstones, is_buried
from rollcall.workspaces.entry.by_operator import make_main_user, waiting_pin
from rollcall.workspaces.model import Credential, IssuedCredential, Organisation
from rollcall.workspaces.organisations import (
    create_credential,
    create_organisation,
    credentials,
    organisation,
    organisation_id,
    organisation_keys,
    revoke_credential,
    set_synchronization,
)
from rollcall.workspaces.scim_api import tenant_url, workspaces_scim_app

__all__ = [
    "RULES",
    "WORDS",
    "AccessFacts",
    "AccountStore",
    "Allow",
    "Credential",
    "Deny",
    "DoorKind",
    "IssuedCredential",
    "Organisation",
    "Reason",
    "create_credential",
    "create_organisation",
    "credentials",
    "decide",
    "forget_tombstones",
    "is_buried",
    "load_facts",
    "make_main_user",
    "organisation",
    "organisation_id",
    "organisation_keys",
    "revoke_credential",
    "set_synchronization",
    "tenant_url",
    "waiting_pin",
    "workspaces_scim_app",
]

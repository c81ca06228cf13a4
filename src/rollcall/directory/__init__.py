"""The directory room: who exists, who belongs where, who is entitled to which application."""

from rollcall.directory.applications import (
    assign,
    create_service_principal,
    delete_service_principal,
    list_assignments,
    list_service_principals,
    read_service_principal,
    unassign,
)
from rollcall.directory.changes import CHANNEL, prune_changes
from rollcall.directory.demo_company import Company, CompanyGroup, demo_company
from rollcall.directory.demo_movements import Movement, movements
from rollcall.directory.demo_people import Person
from rollcall.directory.feed import feed, left_out_groups, present, ties_of_group, ties_of_members
from rollcall.directory.founding import carry_out, found_company
from rollcall.directory.importing import import_file
from rollcall.directory.importing_rows import BadRow
from rollcall.directory.importing_store import ImportReport
from rollcall.directory.lookup import (
    find_groups,
    find_people,
    find_user,
    kind_of_principal,
    list_groups,
    list_groups_of,
    list_members,
    list_users,
    read_group,
    read_user,
)
from rollcall.directory.memberships import add_member, remove_member
from rollcall.directory.model import (
    CHANGES_KEPT_FOR,
    DEFAULT_APP_ROLE,
    AppRole,
    Assignment,
    FeedEntry,
    FeedPage,
    FeedTie,
    Group,
    LeftOutGroup,
    Member,
    NestedGroups,
    ServicePrincipal,
    User,
)
from rollcall.directory.objects import (
    create_group,
    create_user,
    delete_group,
    delete_user,
    restore_group,
    restore_user,
    set_manager,
    update_group,
    update_user,
)
from rollcall.directory.purging import purge_expired, purge_group, purge_user
from rollcall.directory.tenants import Tenant, create_tenant, find_tenant, list_tenants

__all__ = [
    "CHANGES_KEPT_FOR",
    "CHANNEL",
    "DEFAULT_APP_ROLE",
    "AppRole",
    "Assignment",
    "BadRow",
    "Company",
    "CompanyGroup",
    "FeedEntry",
    "FeedPage",
    "FeedTie",
    "Group",
    "ImportReport",
    "LeftOutGroup",
    "Member",
    "Movement",
    "NestedGroups",
    "Person",
    "ServicePrincipal",
    "Tenant",
    "User",
    "add_member",
    "assign",
    "carry_out",
    "create_group",
    "create_service_principal",
    "create_tenant",
    "create_user",
    "delete_group",
    "delete_service_principal",
    "delete_user",
    "demo_company",
    "feed",
    "find_groups",
    "find_people",
    "find_tenant",
    "find_user",
    "found_company",
    "import_file",
<<<<<<< HEAD
    "left_out_groups",
=======
    "kind_of_principal",
>>>>>>> fad6672 (rollcall job explain: why somebody is or is not in the application, now or at a past moment; the log keeps request and HTTP status)
    "list_assignments",
    "list_groups",
    "list_groups_of",
    "list_members",
    "list_service_principals",
    "list_tenants",
    "list_users",
    "movements",
    "present",
    "prune_changes",
    "purge_expired",
    "purge_group",
    "purge_user",
    "read_group",
    "read_service_principal",
    "read_user",
    "remove_member",
    "restore_group",
    "restore_user",
    "set_manager",
    "ties_of_group",
    "ties_of_members",
    "unassign",
    "update_group",
    "update_user",
]

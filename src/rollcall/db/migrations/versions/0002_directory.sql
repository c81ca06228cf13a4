-- The directory room: users, groups, memberships, service principals, assignments, and the log of changes.
-- The schema itself and rollcall_protect() come from 0001_base.

create table directory.users (
    tenant_id uuid not null default rollcall_tenant(),
    id uuid not null default uuidv7(),
    user_principal_name text not null,
    user_principal_name_folded text not null,
    display_name text not null,
    account_enabled boolean not null default true,
    manager_id uuid,
    import_key text,                            -- what an import knows the user by, e.g. a normalised DN
    attributes jsonb not null default '{}',     -- everything else, by Microsoft Graph name
    deleted_at timestamptz,
    created timestamptz not null default now(),
    modified timestamptz not null default now(),
    version bigint not null default 1,
    primary key (tenant_id, id),
    foreign key (tenant_id, manager_id) references directory.users (tenant_id, id)
);
-- A soft-deleted user frees the name; restoring then checks that nobody took it.
create unique index users_user_principal_name on directory.users (tenant_id, user_principal_name_folded)
    where deleted_at is null;
create unique index users_import_key on directory.users (tenant_id, import_key)
    where import_key is not null and deleted_at is null;
create index users_manager on directory.users (tenant_id, manager_id) where manager_id is not null;
create index users_deleted on directory.users (tenant_id, deleted_at) where deleted_at is not null;
-- New rows land on few pages; room on each page keeps later updates there (heap-only tuples).
alter table directory.users set (fillfactor = 90);

create table directory.groups (
    tenant_id uuid not null default rollcall_tenant(),
    id uuid not null default uuidv7(),
    display_name text not null,
    display_name_folded text not null,          -- not unique: Graph allows groups of the same name
    import_key text,
    attributes jsonb not null default '{}',
    deleted_at timestamptz,
    created timestamptz not null default now(),
    modified timestamptz not null default now(),
    version bigint not null default 1,
    primary key (tenant_id, id)
);
create index groups_display_name on directory.groups (tenant_id, display_name_folded);
create unique index groups_import_key on directory.groups (tenant_id, import_key)
    where import_key is not null and deleted_at is null;
create index groups_deleted on directory.groups (tenant_id, deleted_at) where deleted_at is not null;

create table directory.memberships (
    tenant_id uuid not null default rollcall_tenant(),
    group_id uuid not null,
    member_id uuid not null,
    member_kind text not null check (member_kind in ('User', 'Group')),
    created timestamptz not null default now(),
    primary key (tenant_id, group_id, member_id),
    foreign key (tenant_id, group_id) references directory.groups (tenant_id, id)
);
create index memberships_member on directory.memberships (tenant_id, member_id);

create table directory.service_principals (
    tenant_id uuid not null default rollcall_tenant(),
    id uuid not null default uuidv7(),
    app_id uuid not null default uuidv7(),
    display_name text not null,
    account_enabled boolean not null default true,
    app_role_assignment_required boolean not null default true,
    app_roles jsonb not null default '[]',
    tags text[] not null default '{}',
    created timestamptz not null default now(),
    modified timestamptz not null default now(),
    version bigint not null default 1,
    primary key (tenant_id, id)
);

create table directory.assignments (
    tenant_id uuid not null default rollcall_tenant(),
    id uuid not null default uuidv7(),
    service_principal_id uuid not null,
    principal_id uuid not null,
    principal_kind text not null check (principal_kind in ('User', 'Group')),
    app_role_id uuid not null default '00000000-0000-0000-0000-000000000000',
    created timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, service_principal_id, principal_id, app_role_id),
    foreign key (tenant_id, service_principal_id) references directory.service_principals (tenant_id, id)
);
create index assignments_principal on directory.assignments (tenant_id, principal_id);

-- One row for each object or tie that a transaction changed. A reader remembers the snapshot up to which it has
-- read; what a later snapshot sees and that one did not see is news, however late its writer committed.
-- The writer's transaction id is a bigint because comparisons of xid8 are not leakproof, and behind row-level
-- security only leakproof comparisons may use an index.
create table directory.changes (
    tenant_id uuid not null default rollcall_tenant(),
    xid bigint not null default (pg_current_xact_id()::text::bigint),
    seq bigint not null generated always as identity,
    kind text not null check (kind in ('user', 'group', 'membership', 'assignment', 'service_principal')),
    object_id uuid not null,
    other_id uuid,                              -- of a membership the member, of an assignment the principal
    other_kind text check (other_kind in ('User', 'Group')),
    operation text not null check (operation in ('create', 'update', 'delete', 'restore', 'purge', 'add', 'remove')),
    at timestamptz not null default now(),
    primary key (tenant_id, xid, seq)
);

-- How far the log has been pruned (the latest writer of whom changes are gone), and which transaction did it last.
-- Who has read less than this must read in full.
create table directory.pruned (
    tenant_id uuid not null default rollcall_tenant(),
    xid bigint not null,
    pruned_by bigint not null default (pg_current_xact_id()::text::bigint),
    primary key (tenant_id)
);

-- Whoever waits for changes is told when the transaction commits; equal payloads of one transaction are sent once.
create function directory.announce_changes() returns trigger language plpgsql as $$
begin
    perform pg_notify('rollcall_directory', rollcall_tenant()::text);
    return null;
end
$$;
create trigger announce after insert on directory.changes
    for each statement execute function directory.announce_changes();

select rollcall_protect('directory.users');
select rollcall_protect('directory.groups');
select rollcall_protect('directory.memberships');
select rollcall_protect('directory.service_principals');
select rollcall_protect('directory.assignments');
select rollcall_protect('directory.changes');
select rollcall_protect('directory.pruned');
-- A large import refreshes the planner's statistics at once instead of waiting for autovacuum.
grant maintain on directory.users, directory.groups, directory.memberships, directory.assignments, directory.changes
    to rollcall_app;

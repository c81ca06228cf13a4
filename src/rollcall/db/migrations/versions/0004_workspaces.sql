-- The workspaces half: organisations, what provisioning authenticates with, accounts and groups as SCIM resources.
-- A tenant id in this schema is the organisation's id.

-- Which key in a Tenant URL means which organisation. No tenant row: it is read before the tenant is known, and says
-- no more than that the key is taken.
create table workspaces.organisation_keys (
    key             text collate "C" primary key,
    organisation_id uuid not null unique
);
grant select, insert on workspaces.organisation_keys to rollcall_app;

create table workspaces.organisations (
    tenant_id       uuid not null default rollcall_tenant() primary key,
    key             text collate "C" not null,
    name            text not null,
    synchronization boolean not null default false,
    created         timestamptz not null
);

create table workspaces.scim_credentials (
    tenant_id  uuid not null default rollcall_tenant(),
    id         uuid not null,
    name       text not null,
    hash       bytea not null,
    ends_with  text not null,
    created    timestamptz not null,
    expires    timestamptz,
    revoked    timestamptz,
    last_used  timestamptz,
    primary key (tenant_id, id)
);

-- resource: as it was sent, in normal form; without what is computed (id, meta, groups, members).
-- folded: the same values in the form in which filters compare them (text folded unless it is case exact, dates in UTC).
-- Text is compared by code point (collation C), as Python does.
create table workspaces.users (
    tenant_id        uuid not null default rollcall_tenant(),
    id               uuid not null,
    user_name_folded text collate "C" not null,
    external_id      text collate "C",
    display_name     text,
    active           boolean,
    manager_id       uuid,
    version          bigint not null default 1,
    created          timestamptz not null,
    modified         timestamptz not null,
    resource         jsonb not null,
    folded           jsonb not null,
    primary key (tenant_id, id),
    constraint users_user_name unique (tenant_id, user_name_folded)
);
create index users_external_id on workspaces.users (tenant_id, external_id) where external_id is not null;
create index users_manager on workspaces.users (tenant_id, manager_id) where manager_id is not null;
-- A short list of pending entries: every look-up reads all of it.
create index users_folded on workspaces.users using gin (folded jsonb_path_ops) with (gin_pending_list_limit = 256);

create table workspaces.groups (
    tenant_id           uuid not null default rollcall_tenant(),
    id                  uuid not null,
    display_name        text not null,
    display_name_folded text collate "C" not null,
    external_id         text collate "C",
    version             bigint not null default 1,
    created             timestamptz not null,
    modified            timestamptz not null,
    resource            jsonb not null,
    folded              jsonb not null,
    primary key (tenant_id, id),
    constraint groups_display_name unique (tenant_id, display_name_folded)
);
create index groups_external_id on workspaces.groups (tenant_id, external_id) where external_id is not null;
create index groups_folded on workspaces.groups using gin (folded jsonb_path_ops) with (gin_pending_list_limit = 256);

-- No foreign keys here: adding 50,000 members would check 100,000 of them one by one. The writers hold the group's row
-- and a key-share lock on every member instead, set by set (workspaces.members).
create table workspaces.group_members (
    tenant_id   uuid not null default rollcall_tenant(),
    group_id    uuid not null,
    member_id   uuid not null,
    member_kind text not null check (member_kind in ('User', 'Group')),
    primary key (tenant_id, group_id, member_id)
);
create index group_members_member on workspaces.group_members (tenant_id, member_id, group_id);

-- What is left of a deleted account for 30 days: hashed identity keys, so that single sign-on does not bring back
-- somebody whom the directory removed.
create table workspaces.tombstones (
    tenant_id        uuid not null default rollcall_tenant(),
    id               uuid not null,
    user_name_hash   bytea not null,
    external_id_hash bytea,
    deleted          timestamptz not null,
    primary key (tenant_id, id)
);
create index tombstones_user_name on workspaces.tombstones (tenant_id, user_name_hash);
create index tombstones_external_id on workspaces.tombstones (tenant_id, external_id_hash)
    where external_id_hash is not null;
create index tombstones_deleted on workspaces.tombstones (tenant_id, deleted);

-- How many accounts and groups there are, without counting them. In shards, so that concurrent creations seldom wait
-- for each other's commit; the number is the sum of the shards.
create table workspaces.resource_counters (
    tenant_id     uuid not null default rollcall_tenant(),
    resource_type text not null,
    shard         smallint not null,
    number        bigint not null,
    primary key (tenant_id, resource_type, shard)
) with (fillfactor = 50);

create function workspaces.count_resources() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into workspaces.resource_counters as present (tenant_id, resource_type, shard, number)
            select tenant_id, tg_argv[0], pg_backend_pid() % 16, count(*) from changed group by tenant_id
            on conflict (tenant_id, resource_type, shard) do update set number = present.number + excluded.number;
    else
        insert into workspaces.resource_counters as present (tenant_id, resource_type, shard, number)
            select tenant_id, tg_argv[0], pg_backend_pid() % 16, -count(*) from changed group by tenant_id
            on conflict (tenant_id, resource_type, shard) do update set number = present.number + excluded.number;
    end if;
    return null;
end $$;

create trigger users_inserted after insert on workspaces.users
    referencing new table as changed for each statement execute function workspaces.count_resources('User');
create trigger users_deleted after delete on workspaces.users
    referencing old table as changed for each statement execute function workspaces.count_resources('User');
create trigger groups_inserted after insert on workspaces.groups
    referencing new table as changed for each statement execute function workspaces.count_resources('Group');
create trigger groups_deleted after delete on workspaces.groups
    referencing old table as changed for each statement execute function workspaces.count_resources('Group');

select rollcall_protect('workspaces.organisations');
select rollcall_protect('workspaces.scim_credentials');
select rollcall_protect('workspaces.users');
select rollcall_protect('workspaces.groups');
select rollcall_protect('workspaces.group_members');
select rollcall_protect('workspaces.tombstones');
select rollcall_protect('workspaces.resource_counters');

-- Row-level security lets an index answer a condition only when its operator is marked leakproof, and jsonb containment
-- is not marked although it neither fails nor reports on its operands. Only a superuser may mark it. Without the mark
-- filters on attributes without a column stay right and read all rows of the one organisation.
do $$
begin
    if (select rolsuper from pg_roles where rolname = current_user) then
        alter function pg_catalog.jsonb_contains(jsonb, jsonb) leakproof;
    end if;
end $$;

-- The planner would take an organisation that it has no statistics of yet, such as one in its first provisioning cycle,
-- for one with a single row, and read all of it instead of asking an index. Without statistics on these columns it
-- assumes a middling size for every organisation and group, old or new, and its plans stay the same.
alter table workspaces.users alter column tenant_id set statistics 0;
alter table workspaces.groups alter column tenant_id set statistics 0;
alter table workspaces.group_members
    alter column tenant_id set statistics 0,
    alter column group_id set statistics 0,
    alter column member_id set statistics 0;

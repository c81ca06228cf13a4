-- What is said in workspaces, numbers of each day, and how people are found by the beginning of what one knows of them.

-- Ids grow with time, so they are the order of the conversation. The author may be gone; what they said stays.
create table workspaces.posts (
    tenant_id    uuid not null default rollcall_tenant(),
    workspace_id uuid not null,
    id           uuid not null,
    author_id    uuid not null,
    text         text not null check (length(text) between 1 and 4000),
    created      timestamptz not null,
    primary key (tenant_id, workspace_id, id),
    foreign key (tenant_id, workspace_id) references workspaces.workspaces (tenant_id, id)
);

-- How much happened on a day (UTC), so that a chart never counts rows. In shards, as in 0004. what: `users` is by how
-- many accounts there are more than the day before, `sign_ins` sessions that began, `changes` accounts and groups that
-- SCIM made, changed or removed.
create table workspaces.daily_numbers (
    tenant_id uuid not null default rollcall_tenant(),
    what      text collate "C" not null check (what in ('users', 'sign_ins', 'changes')),
    day       date not null,
    shard     smallint not null,
    number    bigint not null,
    primary key (tenant_id, what, day, shard)
) with (fillfactor = 50);

select rollcall_protect('workspaces.posts');
select rollcall_protect('workspaces.daily_numbers');

-- Whoever changes an account by hand says so for the transaction; all else that changes one is SCIM.
create function workspaces.is_by_hand() returns boolean language sql stable as $$
    select coalesce(current_setting('rollcall.by_hand', true), '') = 'on'
$$;

create function workspaces.add_to_days(what text, moments timestamptz[], tenants uuid[], factor integer) returns void
language sql as $$
    insert into workspaces.daily_numbers as present (tenant_id, what, day, shard, number)
    select tenant, what, (moment at time zone 'UTC')::date, pg_backend_pid() % 16, factor * count(*)
    from unnest(tenants, moments) as each (tenant, moment) group by 1, 3
    on conflict (tenant_id, what, day, shard) do update set number = present.number + excluded.number
$$;

-- One row for a statement, as in 0004: many accounts written at once must not write the same row as often.
create function workspaces.count_users_made() returns trigger language plpgsql as $$
begin
    perform workspaces.add_to_days('users', array_agg(created), array_agg(tenant_id), 1) from made;
    if not workspaces.is_by_hand() then
        perform workspaces.add_to_days('changes', array_agg(created), array_agg(tenant_id), 1) from made;
    end if;
    return null;
end $$;
create trigger users_counted_made after insert on workspaces.users
    referencing new table as made for each statement execute function workspaces.count_users_made();

create function workspaces.count_groups_made() returns trigger language plpgsql as $$
begin
    perform workspaces.add_to_days('changes', array_agg(created), array_agg(tenant_id), 1) from made
    where not workspaces.is_by_hand();
    return null;
end $$;
create trigger groups_counted_made after insert on workspaces.groups
    referencing new table as made for each statement execute function workspaces.count_groups_made();

create function workspaces.count_changed() returns trigger language plpgsql as $$
begin
    perform workspaces.add_to_days('changes', array_agg(now.modified), array_agg(now.tenant_id), 1)
    from now join before on before.tenant_id = now.tenant_id and before.id = now.id and before.version <> now.version
    where not workspaces.is_by_hand();
    return null;
end $$;
create trigger users_counted_changed after update on workspaces.users
    referencing old table as before new table as now for each statement execute function workspaces.count_changed();
create trigger groups_counted_changed after update on workspaces.groups
    referencing old table as before new table as now for each statement execute function workspaces.count_changed();

create function workspaces.count_users_gone() returns trigger language plpgsql as $$
begin
    perform workspaces.add_to_days('users', array_agg(deleted), array_agg(tenant_id), -1) from gone;
    if not workspaces.is_by_hand() then
        perform workspaces.add_to_days('changes', array_agg(deleted), array_agg(tenant_id), 1) from gone;
    end if;
    return null;
end $$;
create trigger users_counted_gone after insert on workspaces.deleted_users
    referencing new table as gone for each statement execute function workspaces.count_users_gone();

-- A group leaves no row that says when it went.
create function workspaces.count_groups_gone() returns trigger language plpgsql as $$
begin
    perform workspaces.add_to_days('changes', array_agg(now()), array_agg(tenant_id), 1) from gone
    where not workspaces.is_by_hand();
    return null;
end $$;
create trigger groups_counted_gone after delete on workspaces.groups
    referencing old table as gone for each statement execute function workspaces.count_groups_gone();

-- A session that only follows another one after asking the provider again keeps that one's beginning, and is no sign-in.
create function workspaces.count_sign_ins() returns trigger language plpgsql as $$
begin
    perform workspaces.add_to_days('sign_ins', array_agg(created), array_agg(tenant_id), 1) from begun
    where created = last_seen;
    return null;
end $$;
create trigger sessions_counted after insert on workspaces.sessions
    referencing new table as begun for each statement execute function workspaces.count_sign_ins();

-- What people are found by, in the form in which it is compared; cut off, since no index takes a long one.
alter table workspaces.users
    add column name_key text collate "C" generated always as (left(folded ->> 'displayName', 200)) stored,
    add column family_key text collate "C" generated always as (left(folded -> 'name' ->> 'familyName', 200)) stored,
    add column address_key text collate "C" generated always as (left(folded -> 'emails' -> 0 ->> 'value', 200)) stored;
create index users_name_key on workspaces.users (tenant_id, name_key, user_name_folded);
create index users_family_key on workspaces.users (tenant_id, family_key, user_name_folded);
create index users_address_key on workspaces.users (tenant_id, address_key, user_name_folded);
create index users_asleep on workspaces.users (tenant_id, user_name_folded) where active is false or suspended is not null;
create index users_by_hand on workspaces.users (tenant_id, user_name_folded) where not synchronised;

-- Folded by the writer, as everywhere; the database folds by no locale.
alter table workspaces.workspaces add column name_folded text collate "C" not null default '';
create index workspaces_name_folded on workspaces.workspaces (tenant_id, name_folded, id) where state <> 'deleted';

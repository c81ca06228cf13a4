-- How people prove who they are to the identity half, the sessions that follow, and the roles of administrators.

create table directory.credentials (
    tenant_id      uuid not null default rollcall_tenant(),
    user_id        uuid not null,
    password_hash  text,                        -- Argon2id, with its parameters; null: none was set yet
    password_set   timestamptz,
    totp_sealed    bytea,                       -- the shared secret of the authenticator app; null: none is enrolled
    totp_enrolled  timestamptz,
    totp_last_step bigint not null default 0,   -- codes of this time step and before were used, or might have been
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references directory.users (tenant_id, id) on delete cascade
);

-- The number is the first sign of a code, so that one slow hash is computed for a try and not ten.
create table directory.recovery_codes (
    tenant_id uuid not null default rollcall_tenant(),
    user_id   uuid not null,
    number    smallint not null,
    hash      text not null,
    used      timestamptz,
    primary key (tenant_id, user_id, number),
    foreign key (tenant_id, user_id) references directory.credentials (tenant_id, user_id) on delete cascade
);

-- Links by which people set a password, once. The token has 256 random bits, so a plain hash is enough.
create table directory.sign_in_links (
    tenant_id uuid not null default rollcall_tenant(),
    hash      bytea not null,
    user_id   uuid,                             -- null: whoever holds it becomes the tenant's first administrator
    created   timestamptz not null,
    expires   timestamptz not null,
    primary key (tenant_id, hash),
    foreign key (tenant_id, user_id) references directory.users (tenant_id, id) on delete cascade
);
create index sign_in_links_user on directory.sign_in_links (tenant_id, user_id);
create index sign_in_links_expires on directory.sign_in_links (tenant_id, expires);

create table directory.sign_in_sessions (
    tenant_id     uuid not null default rollcall_tenant(),
    id            uuid not null,
    user_id       uuid not null,
    authenticated timestamptz not null,
    methods       text[] not null,
    created       timestamptz not null,
    last_seen     timestamptz not null,
    expires       timestamptz not null,         -- unless it is used before
    ends          timestamptz not null,         -- whatever happens
    network       text not null default '',
    user_agent    text not null default '',
    primary key (tenant_id, id),
    foreign key (tenant_id, user_id) references directory.users (tenant_id, id) on delete cascade
);
create index sign_in_sessions_user on directory.sign_in_sessions (tenant_id, user_id);
create index sign_in_sessions_expires on directory.sign_in_sessions (tenant_id, expires);

create table directory.role_members (
    tenant_id uuid not null default rollcall_tenant(),
    user_id   uuid not null,
    role      text not null check (role in ('Global Administrator', 'Application Administrator',
                                            'Cloud Application Administrator', 'User Administrator')),
    created   timestamptz not null,
    primary key (tenant_id, user_id, role),
    foreign key (tenant_id, user_id) references directory.users (tenant_id, id) on delete cascade
);
create index role_members_role on directory.role_members (tenant_id, role);

-- Application Owner is no role of the tenant, but one over a registration.
create table directory.registration_owners (
    tenant_id uuid not null default rollcall_tenant(),
    app_id    uuid not null,
    user_id   uuid not null,
    primary key (tenant_id, app_id, user_id),
    foreign key (tenant_id, app_id) references directory.registrations (tenant_id, app_id) on delete cascade,
    foreign key (tenant_id, user_id) references directory.users (tenant_id, id) on delete cascade
);
create index registration_owners_user on directory.registration_owners (tenant_id, user_id);

select rollcall_protect('directory.credentials');
select rollcall_protect('directory.recovery_codes');
select rollcall_protect('directory.sign_in_links');
select rollcall_protect('directory.sign_in_sessions');
select rollcall_protect('directory.role_members');
select rollcall_protect('directory.registration_owners');

-- What is asked before a tenant is known; hashes and ids only. Not functions that look across the wall: it holds for the
-- owner of the schema too.
create table directory.sign_in_handles (
    hash       bytea primary key,
    tenant     uuid not null,
    session_id uuid not null,
    unique (tenant, session_id),
    foreign key (tenant, session_id) references directory.sign_in_sessions (tenant_id, id) on delete cascade
);
create table directory.sign_in_names (
    tenant  uuid not null,
    user_id uuid not null,
    hash    bytea not null,                     -- of the folded userPrincipalName
    primary key (tenant, user_id),
    foreign key (tenant, user_id) references directory.credentials (tenant_id, user_id) on delete cascade
);
create index sign_in_names_hash on directory.sign_in_names (hash);
grant select, insert, update, delete on directory.sign_in_handles, directory.sign_in_names to rollcall_app;

-- Only who has a credential can sign in, so only they are listed; renamed, they are found by the new name.
create function directory.list_sign_in_name() returns trigger language plpgsql as $$
begin
    insert into directory.sign_in_names (tenant, user_id, hash)
    select u.tenant_id, u.id, sha256(convert_to(u.user_principal_name_folded, 'UTF8')) from directory.users u
    where (u.tenant_id, u.id) = (new.tenant_id, new.user_id);
    return null;
end $$;
create trigger credentials_are_listed after insert on directory.credentials
    for each row execute function directory.list_sign_in_name();

create function directory.follow_sign_in_name() returns trigger language plpgsql as $$
begin
    update directory.sign_in_names set hash = sha256(convert_to(new.user_principal_name_folded, 'UTF8'))
    where (tenant, user_id) = (new.tenant_id, new.id);
    return null;
end $$;
create trigger sign_in_names_follow after update of user_principal_name_folded on directory.users
    for each row when (old.user_principal_name_folded is distinct from new.user_principal_name_folded)
    execute function directory.follow_sign_in_name();

-- Applications that have to be told, from server to server, that a session ended. Nothing but ids, over all tenants.
create table queue.logouts (
    id         uuid primary key default uuidv7(),
    tenant     uuid not null,
    app_id     uuid not null,
    user_id    uuid not null,
    session_id uuid not null,
    created    timestamptz not null,
    due        timestamptz not null,
    tries      integer not null default 0
);
create index logouts_due on queue.logouts (due);

-- A session that ends, for whatever reason, takes along what was granted in it; offline access outlives it by what it is.
-- Applications are told unless it had run out by itself.
create function directory.end_what_sessions_gave() returns trigger language plpgsql as $$
begin
    insert into queue.logouts (tenant, app_id, user_id, session_id, created, due)
    select distinct s.tenant_id, g.app_id, s.user_id, s.id, now(), now()
    from gone s join directory.grants g on (g.tenant_id, g.session_id) = (s.tenant_id, s.id)
    where s.expires > now();
    if found then
        perform pg_notify('directory_logouts', '');
    end if;
    update directory.grants g set ended = now() from gone s
    where (g.tenant_id, g.session_id) = (s.tenant_id, s.id) and g.ended is null
      and not 'offline_access' = any(g.scope);
    return null;
end $$;
create trigger sessions_take_along after delete on directory.sign_in_sessions
    referencing old table as gone for each statement execute function directory.end_what_sessions_gave();
create index grants_of_session on directory.grants (tenant_id, session_id);

-- Blocked or deleted, by whatever statement, a user is signed out in that transaction; a purged one by the foreign key.
create function directory.end_sign_in_sessions() returns trigger language plpgsql as $$
begin
    delete from directory.sign_in_sessions s using before b join after a on (a.tenant_id, a.id) = (b.tenant_id, b.id)
    where (s.tenant_id, s.user_id) = (b.tenant_id, b.id)
      and ((b.account_enabled and not a.account_enabled) or (b.deleted_at is null and a.deleted_at is not null));
    return null;
end $$;
create trigger sessions_end_with_update after update on directory.users
    referencing old table as before new table as after for each statement
    execute function directory.end_sign_in_sessions();

-- Front-channel logout calls carry `sid` alone, as Entra's do, unless an application wants `iss` with it.
alter table directory.registrations add column logout_with_issuer boolean not null default false;

-- An application stands in a directory once, and is found there by its client id with every sign-in.
create unique index service_principals_app_id on directory.service_principals (tenant_id, app_id);

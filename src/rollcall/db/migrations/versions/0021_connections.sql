-- Sign-in at identity providers, links to accounts, and sessions of the workspaces half.

-- A sign-in that is under way: which browser began it, and where it goes on. Single use, ten minutes.
create table workspaces.sso_transactions (
    tenant_id        uuid not null default rollcall_tenant(),
    id               uuid not null,
    configuration_id uuid not null,
    protocol         text not null check (protocol in ('oidc', 'saml', 'logout')),
    browser_hash     bytea not null,            -- of the handle in the browser's cookie
    state_hash       bytea not null,            -- of what the provider sends back (state, RelayState)
    sealed           bytea not null,            -- what only we may know of it: nonce and verifier, or the request's id
    asked            jsonb not null,            -- door, way back, and what was asked for
    created          timestamptz not null,
    used             timestamptz,
    primary key (tenant_id, id)
);
create unique index sso_transactions_state on workspaces.sso_transactions (tenant_id, state_hash);
create index sso_transactions_browser on workspaces.sso_transactions (tenant_id, browser_hash, created);
create index sso_transactions_created on workspaces.sso_transactions (tenant_id, created);

-- This subject at this provider is that user. A user has one of them for a configuration: addresses are reused, people not.
create table workspaces.identity_links (
    tenant_id        uuid not null default rollcall_tenant(),
    id               uuid not null,
    configuration_id uuid not null,
    issuer           text collate "C" not null,
    subject          text collate "C" not null,
    user_id          uuid not null,
    created          timestamptz not null,
    last_used        timestamptz not null,
    primary key (tenant_id, id),
    constraint identity_links_subject unique (tenant_id, configuration_id, issuer, subject),
    constraint identity_links_user unique (tenant_id, configuration_id, user_id),
    foreign key (tenant_id, user_id) references workspaces.users (tenant_id, id) on delete cascade
);
create index identity_links_of_user on workspaces.identity_links (tenant_id, user_id);

-- What is left of the links of a deleted user: hashes, for as long as the tombstone stands.
create table workspaces.buried_links (
    tenant_id uuid not null default rollcall_tenant(),
    hash      bytea not null,
    tombstone uuid not null,
    primary key (tenant_id, hash, tombstone),
    foreign key (tenant_id, tombstone) references workspaces.tombstones (tenant_id, id) on delete cascade
);
create index buried_links_tombstone on workspaces.buried_links (tenant_id, tombstone);

-- Tokens and assertions that were used, so that none is used twice.
create table workspaces.seen_tokens (
    tenant_id uuid not null default rollcall_tenant(),
    hash      bytea not null,
    until     timestamptz not null,
    primary key (tenant_id, hash)
);
create index seen_tokens_until on workspaces.seen_tokens (tenant_id, until);

-- Metadata and keys of providers as last fetched, so that a restart does not depend on the provider.
create table workspaces.provider_documents (
    tenant_id uuid not null default rollcall_tenant(),
    url       text collate "C" not null,
    document  jsonb not null,
    fetched   timestamptz not null,
    primary key (tenant_id, url)
);

-- What a SAML provider's metadata said last. `basis`: a hash of what the configuration pins; another one makes the row void.
create table workspaces.saml_metadata (
    tenant_id        uuid not null default rollcall_tenant(),
    configuration_id uuid not null,
    basis            bytea not null,
    accepted         jsonb,                     -- what is gone by; null: what the configuration says itself
    waiting          jsonb,                     -- replaces every certificate, so that a main user has to approve it
    waits_since      timestamptz,
    fetched          timestamptz,               -- when metadata came that could be read
    tried            timestamptz not null,
    failure          text,                      -- why the last try came to nothing
    primary key (tenant_id, configuration_id)
);

-- The key by which we sign SAML messages, one for each configuration, made when it is needed first.
create table workspaces.saml_keys (
    tenant_id        uuid not null default rollcall_tenant(),
    configuration_id uuid not null,
    sealed           bytea not null,
    certificate      text not null,
    created          timestamptz not null,
    primary key (tenant_id, configuration_id)
);

-- Checked SAML answers that wait, for a minute, for the browser that began the sign-in; without one, for a person's yes.
create table workspaces.saml_handoffs (
    tenant_id        uuid not null default rollcall_tenant(),
    hash             bytea not null,
    configuration_id uuid not null,
    browser_hash     bytea,
    asked            jsonb not null,
    sealed           bytea not null,
    created          timestamptz not null,
    primary key (tenant_id, hash)
);
create index saml_handoffs_created on workspaces.saml_handoffs (tenant_id, created);

-- A browser's signed-in state. The row decides: without it there is no session, whatever a browser holds.
create table workspaces.sessions (
    tenant_id        uuid not null default rollcall_tenant(),
    id               uuid not null,
    user_id          uuid,
    account_id       uuid,                      -- a break-glass account, in the place of a user
    kind             text not null check (kind in ('dashboard', 'workspace')),
    method           text not null check (method in ('pin', 'link', 'sso', 'break_glass', 'recovery_code')),
    workspace_id     uuid,                      -- the one workspace that a login link opens
    configuration_id uuid,
    issuer           text collate "C",
    subject          text collate "C",          -- the person's key at the issuer
    token_subject    text collate "C",          -- `sub` as the provider's logout tokens name it
    provider_session text collate "C",          -- `sid`, or SessionIndex
    authenticated    timestamptz not null,
    strength         text[] not null default '{}',
    guest            boolean not null default false,
    groups           text[] collate "C",        -- null: could not be resolved, or nobody asked
    groups_source    text check (groups_source in ('token', 'lookup', 'scim', 'unresolved')),
    groups_at        timestamptz,
    created          timestamptz not null,
    last_seen        timestamptz not null,
    idle_seconds     integer not null,
    ends             timestamptz not null,
    provider_ends    timestamptz,               -- the limit that the provider set, if it set one
    checked          timestamptz not null,      -- when the provider was asked last
    recheck          timestamptz,               -- when it has to be asked again
    sealed_id_token  bytea,                     -- the hint that the provider's logout wants
    login_hint       text,
    user_agent       text not null default '',
    network          text not null default '',
    primary key (tenant_id, id),
    foreign key (tenant_id, user_id) references workspaces.users (tenant_id, id) on delete cascade,
    check ((method = 'sso') = (configuration_id is not null)),
    check ((method in ('break_glass', 'recovery_code')) = (user_id is null))
);
create index sessions_user on workspaces.sessions (tenant_id, user_id);
create index sessions_provider_session on workspaces.sessions (tenant_id, configuration_id, provider_session)
    where provider_session is not null;
create index sessions_subject on workspaces.sessions (tenant_id, configuration_id, subject)
    where configuration_id is not null;
create index sessions_ends on workspaces.sessions (tenant_id, ends);

-- Which organisation a handle belongs to. No tenant row: it is read before the tenant is known, and holds a hash and ids.
create table workspaces.session_handles (
    hash            bytea primary key,
    organisation_id uuid not null,
    session_id      uuid not null,
    unique (organisation_id, session_id),
    foreign key (organisation_id, session_id) references workspaces.sessions (tenant_id, id) on delete cascade
);
grant select, insert, update, delete on workspaces.session_handles to rollcall_app;

select rollcall_protect('workspaces.sso_transactions');
select rollcall_protect('workspaces.identity_links');
select rollcall_protect('workspaces.buried_links');
select rollcall_protect('workspaces.seen_tokens');
select rollcall_protect('workspaces.provider_documents');
select rollcall_protect('workspaces.sessions');
select rollcall_protect('workspaces.saml_metadata');
select rollcall_protect('workspaces.saml_keys');
select rollcall_protect('workspaces.saml_handoffs');

-- What belongs to a configuration goes with it.
create function workspaces.forget_configuration() returns trigger language plpgsql as $$
begin
    delete from workspaces.saml_metadata where tenant_id = old.tenant_id and configuration_id = old.id;
    delete from workspaces.saml_keys where tenant_id = old.tenant_id and configuration_id = old.id;
    delete from workspaces.saml_handoffs where tenant_id = old.tenant_id and configuration_id = old.id;
    return null;
end $$;
create trigger sso_configurations_deleted after delete on workspaces.sso_configurations
    for each row execute function workspaces.forget_configuration();

-- A hint for other processes that sessions of an organisation ended, so that they look again at once. Nothing rests on it.
create function workspaces.tell_of_ended_sessions() returns trigger language plpgsql as $$
begin
    perform pg_notify('workspaces_sessions', tenant_id::text) from (select distinct tenant_id from gone) as each;
    return null;
end $$;
create trigger sessions_ended after delete on workspaces.sessions
    referencing old table as gone for each statement execute function workspaces.tell_of_ended_sessions();

-- What SCIM changes is followed here and not by whoever writes it, so that no way to write it can forget. A suspended
-- user's sessions end; a deleted one's end with the user's row.
create function workspaces.end_sessions_of_suspended() returns trigger language plpgsql as $$
begin
    delete from workspaces.sessions where tenant_id = new.tenant_id and user_id = new.id;
    return null;
end $$;
create trigger users_suspended after update of active on workspaces.users
    for each row when (new.active is false and old.active is distinct from false)
    execute function workspaces.end_sessions_of_suspended();

-- A group as snapshots name it: object ids in small letters.
create function workspaces.group_name(external_id text) returns text language sql immutable parallel safe
    return case when external_id ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' then lower(external_id)
                else external_id end;

-- Who leaves a group loses it in every live snapshot, whatever its source.
create function workspaces.leave_snapshots() returns trigger language plpgsql as $$
declare
    touched uuid[];
begin
    with lost as (
        select m.tenant_id, m.member_id, array_agg(workspaces.group_name(g.external_id)) as groups
        from gone m join workspaces.groups g on g.tenant_id = m.tenant_id and g.id = m.group_id
        where m.member_kind = 'User' and g.external_id is not null
        group by m.tenant_id, m.member_id
    ), changed as (
        update workspaces.sessions s
        set groups = array(select each from unnest(s.groups) as each where each <> all (lost.groups))
        from lost where s.tenant_id = lost.tenant_id and s.user_id = lost.member_id and s.groups && lost.groups
        returning s.tenant_id
    )
    select array_agg(distinct tenant_id) into touched from changed;
    perform pg_notify('workspaces_sessions', each::text) from unnest(touched) as each;
    return null;
end $$;
create trigger group_members_left after delete on workspaces.group_members
    referencing old table as gone for each statement execute function workspaces.leave_snapshots();

-- Who enters one has it in snapshots that are from SCIM; those out of a token wait for the next sign-in.
create function workspaces.enter_snapshots() returns trigger language plpgsql as $$
declare
    touched uuid[];
begin
    with won as (
        select m.tenant_id, m.member_id, array_agg(workspaces.group_name(g.external_id)) as groups
        from come m join workspaces.groups g on g.tenant_id = m.tenant_id and g.id = m.group_id
        where m.member_kind = 'User' and g.external_id is not null
        group by m.tenant_id, m.member_id
    ), changed as (
        update workspaces.sessions s
        set groups = array(select unnest(s.groups) union select unnest(won.groups))
        from won where s.tenant_id = won.tenant_id and s.user_id = won.member_id and s.groups_source = 'scim'
        returning s.tenant_id
    )
    select array_agg(distinct tenant_id) into touched from changed;
    perform pg_notify('workspaces_sessions', each::text) from unnest(touched) as each;
    return null;
end $$;
create trigger group_members_entered after insert on workspaces.group_members
    referencing new table as come for each statement execute function workspaces.enter_snapshots();

-- A group that is known by another id from here on: leaves by the old one, enters by the new one.
create function workspaces.rename_in_snapshots() returns trigger language plpgsql as $$
begin
    update workspaces.sessions s
    set groups = array_remove(s.groups, workspaces.group_name(old.external_id))
        || case when s.groups_source = 'scim' and new.external_id is not null
                     and not workspaces.group_name(new.external_id) = any (s.groups)
                then array[workspaces.group_name(new.external_id)] else '{}' end
    where s.groups is not null
      and exists (select from workspaces.group_members m
                  where m.tenant_id = s.tenant_id and m.group_id = new.id and m.member_id = s.user_id);
    perform pg_notify('workspaces_sessions', new.tenant_id::text);
    return null;
end $$;
create trigger groups_renamed after update of external_id on workspaces.groups
    for each row when (old.external_id is distinct from new.external_id)
    execute function workspaces.rename_in_snapshots();

-- The identity provider's side of OpenID Connect: keys, registered applications, grants with their codes and tokens.

-- With what tokens of all tenants are signed. Two are published at any time: the one that signs, and the next one, so that
-- whoever keeps a copy of the keys has it before it is used. Only the sealed form of a private key is here.
create table directory.signing_keys (
    kid        text collate "C" primary key,
    public_jwk jsonb not null,
    sealed     bytea not null,
    created    timestamptz not null,
    signs_from timestamptz,                     -- null: it is the next one
    signs_until timestamptz
);
grant select, insert, update, delete on directory.signing_keys to rollcall_app;

-- Which tenant a client_id is registered in. Asked before a tenant is known; says no more than that.
create table directory.app_ids (
    app_id    uuid primary key,
    home_id   uuid not null
);
grant select, insert, delete on directory.app_ids to rollcall_app;

create table directory.registrations (
    tenant_id                 uuid not null default rollcall_tenant(),
    id                        uuid not null,
    app_id                    uuid not null,
    display_name              text not null,
    sign_in_audience          text not null check (sign_in_audience in ('AzureADMyOrg', 'AzureADMultipleOrgs')),
    redirect_uris             text[] not null default '{}',
    post_logout_redirect_uris text[] not null default '{}',
    is_public                 boolean not null default false,
    group_membership_claims   text not null default 'None'
        check (group_membership_claims in ('None', 'SecurityGroup', 'ApplicationGroup')),
    logout_url                text,
    backchannel_logout_url    text,
    created                   timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, app_id)
);

-- Secrets have 256 random bits, so a plain hash is enough.
create table directory.client_secrets (
    tenant_id    uuid not null default rollcall_tenant(),
    app_id       uuid not null,
    id           uuid not null,
    display_name text not null,
    hash         bytea not null,
    ends_with    text not null,
    created      timestamptz not null,
    expires      timestamptz not null,
    primary key (tenant_id, app_id, id),
    foreign key (tenant_id, app_id) references directory.registrations (tenant_id, app_id) on delete cascade
);

-- That a person let an application in. Of the tenant of the person, whatever tenant the application is registered in.
create table directory.grants (
    tenant_id  uuid not null default rollcall_tenant(),
    id         uuid not null,
    app_id     uuid not null,
    user_id    uuid not null,
    session_id uuid not null,
    auth_time  timestamptz not null,
    methods    text[] not null,
    scope      text[] not null,
    created    timestamptz not null,
    ended      timestamptz,
    primary key (tenant_id, id)
);
create index grants_user on directory.grants (tenant_id, user_id) where ended is null;
create index grants_session on directory.grants (tenant_id, session_id) where ended is null;
create index grants_created on directory.grants (tenant_id, created);

create table directory.authorization_codes (
    tenant_id    uuid not null default rollcall_tenant(),
    hash         bytea not null,
    grant_id     uuid not null,
    redirect_uri text not null,
    challenge    text not null,
    nonce        text,
    expires      timestamptz not null,
    used         timestamptz,
    primary key (tenant_id, hash),
    foreign key (tenant_id, grant_id) references directory.grants (tenant_id, id) on delete cascade
);
create index authorization_codes_grant on directory.authorization_codes (tenant_id, grant_id);

create table directory.refresh_tokens (
    tenant_id uuid not null default rollcall_tenant(),
    hash      bytea not null,
    grant_id  uuid not null,
    issued    timestamptz not null,
    expires   timestamptz not null,
    used      timestamptz,
    primary key (tenant_id, hash),
    foreign key (tenant_id, grant_id) references directory.grants (tenant_id, id) on delete cascade
);
create index refresh_tokens_grant on directory.refresh_tokens (tenant_id, grant_id);

select rollcall_protect('directory.registrations');
select rollcall_protect('directory.client_secrets');
select rollcall_protect('directory.grants');
select rollcall_protect('directory.authorization_codes');
select rollcall_protect('directory.refresh_tokens');

-- Whoever is blocked, deleted or purged loses what they granted in that transaction, by whatever statement it happens.
create function directory.end_grants() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        update directory.grants g set ended = now() from before b
        where (g.tenant_id, g.user_id) = (b.tenant_id, b.id) and g.ended is null;
    else
        update directory.grants g set ended = now() from before b join after a on (a.tenant_id, a.id) = (b.tenant_id, b.id)
        where (g.tenant_id, g.user_id) = (b.tenant_id, b.id) and g.ended is null
          and ((b.account_enabled and not a.account_enabled) or (b.deleted_at is null and a.deleted_at is not null));
    end if;
    return null;
end $$;
create trigger grants_end_with_update after update on directory.users
    referencing old table as before new table as after for each statement execute function directory.end_grants();
create trigger grants_end_with_delete after delete on directory.users
    referencing old table as before for each statement execute function directory.end_grants();

-- Workspaces, who is a member of them and why, main users, what became of accounts, and the settings that doors look at.

alter table workspaces.organisations
    add column suspended boolean not null default false,          -- by the operator
    add column only_synchronised boolean not null default false;  -- nobody is made but by SCIM

-- origin: what made the account. synchronised: SCIM manages it. suspended: by a main user, beside SCIM's `active`.
alter table workspaces.users
    add column origin text not null default 'scim' check (origin in ('scim', 'invitation', 'registration', 'sso')),
    add column synchronised boolean not null default true,
    add column suspended timestamptz;

-- A deleted account, to restore it: for as long as its tombstone, then it is erased.
create table workspaces.deleted_users (
    tenant_id        uuid not null default rollcall_tenant(),
    id               uuid not null,
    user_name_folded text collate "C" not null,
    display_name     text,
    origin           text not null,
    synchronised     boolean not null,
    version          bigint not null,
    created          timestamptz not null,
    resource         jsonb not null,
    deleted          timestamptz not null,
    primary key (tenant_id, id)
);
create index deleted_users_deleted on workspaces.deleted_users (deleted);

-- external_key: the external id as lists of group ids have it, GUIDs in small letters (group_ids.normal_guid).
alter table workspaces.groups add column external_key text collate "C" generated always as (
    case when external_id ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
         then lower(external_id) else external_id end) stored;
create index groups_external_key on workspaces.groups (tenant_id, external_key) where external_key is not null;

-- Which slug means which workspace. No tenant row: it is read before the tenant is known, and holds ids only. A slug is
-- never given twice, so that old addresses don't lead to somebody else.
create table workspaces.workspace_slugs (
    slug            text collate "C" primary key,
    organisation_id uuid not null,
    workspace_id    uuid not null unique
);
grant select, insert on workspaces.workspace_slugs to rollcall_app;

create table workspaces.workspaces (
    tenant_id     uuid not null default rollcall_tenant(),
    id            uuid not null,
    slug          text collate "C" not null,
    name          text not null,
    state         text not null default 'open' check (state in ('open', 'archived', 'deleted')),
    created       timestamptz not null,
    changed       timestamptz not null,
    without_admin timestamptz,               -- since when synchronization left it without one
    primary key (tenant_id, id)
);
create index workspaces_name on workspaces.workspaces (tenant_id, name, id);

-- What has to be known of a single sign-on configuration at a door. identity_changed: of tenant, issuer, client or
-- certificates; sessions whose provider was asked before are void.
create table workspaces.sso_configurations (
    tenant_id            uuid not null default rollcall_tenant(),
    id                   uuid not null,
    is_on                boolean not null default true,
    identity_changed     timestamptz not null,
    guests_on_dashboard  boolean not null default false,
    guests_in_workspaces boolean not null default true,
    required_strengths   text[] collate "C" not null default '{}',   -- one of them; empty for any sign-in
    primary key (tenant_id, id)
);

-- Main User Dashboard Access Control. saved_session: who saved it keeps the session it was saved in.
create table workspaces.dashboard_access (
    tenant_id        uuid not null default rollcall_tenant() primary key,
    version          bigint not null default 1,
    sso              boolean not null default false,
    configuration_id uuid,
    group_ids        text[] collate "C" not null default '{}',
    recent_minutes   integer not null default 0 check (recent_minutes >= 0),   -- 0: no check
    saved_session    uuid,
    saved_user       uuid,
    changed          timestamptz,
    check (not sso or configuration_id is not null),
    foreign key (tenant_id, configuration_id) references workspaces.sso_configurations (tenant_id, id)
);

-- Workspace default settings › Login, registration and SSO. locked: fields that admins of workspaces can't make their own.
create table workspaces.organisation_defaults (
    tenant_id         uuid not null default rollcall_tenant() primary key,
    version           bigint not null default 1,
    links             boolean not null default true,
    login_text        text not null default '' check (length(login_text) <= 1000),
    registration      boolean not null default false,
    domains           text[] collate "C" not null default '{}',
    sso               boolean not null default false,
    configuration_id  uuid,
    group_ids         text[] collate "C" not null default '{}',
    sso_required_for  text[] collate "C" not null default '{}',
    creates_users     boolean not null default false,
    link_validity     interval not null default '1 day',
    link_uses         integer not null default 1 check (link_uses between 0 and 100),   -- 0: unlimited
    extra_pin         text not null default 'off' check (extra_pin in ('off', 'new_devices', 'always')),
    idle              interval not null default '12 hours',
    absolute          interval not null default '7 days',
    recheck           interval not null default '1 day',
    locked            text[] collate "C" not null default '{}',
    changed           timestamptz,
    foreign key (tenant_id, configuration_id) references workspaces.sso_configurations (tenant_id, id)
);

-- The same of one workspace; null is inherited.
create table workspaces.workspace_login (
    tenant_id         uuid not null default rollcall_tenant(),
    workspace_id      uuid not null,
    version           bigint not null default 1,
    links             boolean,
    login_text        text check (length(login_text) <= 1000),
    registration      boolean,
    domains           text[] collate "C",
    sso               boolean,
    configuration_id  uuid,
    group_ids         text[] collate "C",
    sso_required_for  text[] collate "C",
    creates_users     boolean,
    link_validity     interval,
    link_uses         integer check (link_uses between 0 and 100),
    extra_pin         text check (extra_pin in ('off', 'new_devices', 'always')),
    idle              interval,
    absolute          interval,
    recheck           interval,
    changed           timestamptz,
    primary key (tenant_id, workspace_id),
    foreign key (tenant_id, workspace_id) references workspaces.workspaces (tenant_id, id),
    foreign key (tenant_id, configuration_id) references workspaces.sso_configurations (tenant_id, id)
);

-- What holds in each workspace: its own values, else the defaults, which every organisation has from its beginning.
create view workspaces.effective_login with (security_invoker = true) as
select w.tenant_id, w.id as workspace_id, w.slug, w.name, w.state,
       coalesce(l.links, d.links) as links,
       coalesce(l.login_text, d.login_text) as login_text,
       coalesce(l.registration, d.registration) as registration,
       coalesce(l.domains, d.domains) as domains,
       coalesce(l.sso, d.sso) as sso,
       coalesce(l.configuration_id, d.configuration_id) as configuration_id,
       coalesce(l.group_ids, d.group_ids) as group_ids,
       coalesce(l.sso_required_for, d.sso_required_for) as sso_required_for,
       coalesce(l.creates_users, d.creates_users) as creates_users,
       coalesce(l.link_validity, d.link_validity) as link_validity,
       coalesce(l.link_uses, d.link_uses) as link_uses,
       coalesce(l.extra_pin, d.extra_pin) as extra_pin,
       coalesce(l.idle, d.idle) as idle,
       coalesce(l.absolute, d.absolute) as absolute,
       coalesce(l.recheck, d.recheck) as recheck
from workspaces.workspaces w
left join workspaces.workspace_login l on l.tenant_id = w.tenant_id and l.workspace_id = w.id
left join workspaces.organisation_defaults d on d.tenant_id = w.tenant_id;
grant select on workspaces.effective_login to rollcall_app;

-- The lists of synchronised workspaces, entry by entry. Members of a group whose external_key stands here are members of
-- the workspace: that they are is nowhere written down once more, so that nothing has to be kept in step with it, however
-- large the group. Frozen while synchronization is off.
create table workspaces.bound_entries (
    tenant_id    uuid not null default rollcall_tenant(),
    workspace_id uuid not null,
    external_key text collate "C" not null,
    primary key (tenant_id, workspace_id, external_key),
    foreign key (tenant_id, workspace_id) references workspaces.workspaces (tenant_id, id)
);
create index bound_entries_key on workspaces.bound_entries (tenant_id, external_key, workspace_id);

-- What is kept of a member by hand: origins of its own, roles. Without an origin of its own a row holds the roles of a
-- synchronised member, and goes with the last group. removed: taken out by hand while synchronization was off.
create table workspaces.memberships (
    tenant_id      uuid not null default rollcall_tenant(),
    workspace_id   uuid not null,
    user_id        uuid not null,
    is_manual      boolean not null default false,
    is_registered  boolean not null default false,
    is_sso         boolean not null default false,
    is_participant boolean not null default true,
    is_admin       boolean not null default false,
    removed        boolean not null default false,
    created        timestamptz not null,
    primary key (tenant_id, workspace_id, user_id),
    foreign key (tenant_id, workspace_id) references workspaces.workspaces (tenant_id, id),
    foreign key (tenant_id, user_id) references workspaces.users (tenant_id, id) on delete cascade,
    check (is_participant or is_admin),
    check (not removed or not (is_manual or is_registered or is_sso or is_admin))
);
create index memberships_user on workspaces.memberships (tenant_id, user_id, workspace_id);
create index memberships_synchronised on workspaces.memberships (tenant_id, workspace_id, user_id)
    where not (is_manual or is_registered or is_sso);
create index memberships_admin on workspaces.memberships (tenant_id, workspace_id) where is_admin;
create index memberships_removed on workspaces.memberships (tenant_id) where removed;

create table workspaces.main_users (
    tenant_id    uuid not null default rollcall_tenant(),
    user_id      uuid not null,
    appointed    timestamptz not null,
    appointed_by uuid,
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references workspaces.users (tenant_id, id) on delete cascade
);

-- The wall hides the organisations from their tables' owner too, while it is forced.
alter table workspaces.organisations no force row level security;
insert into workspaces.organisation_defaults (tenant_id) select tenant_id from workspaces.organisations;
insert into workspaces.dashboard_access (tenant_id) select tenant_id from workspaces.organisations;
alter table workspaces.organisations force row level security;

select rollcall_protect('workspaces.deleted_users');
select rollcall_protect('workspaces.workspaces');
select rollcall_protect('workspaces.sso_configurations');
select rollcall_protect('workspaces.dashboard_access');
select rollcall_protect('workspaces.organisation_defaults');
select rollcall_protect('workspaces.workspace_login');
select rollcall_protect('workspaces.bound_entries');
select rollcall_protect('workspaces.memberships');
select rollcall_protect('workspaces.main_users');

-- As in 0004: one plan for every organisation, old or new.
alter table workspaces.workspaces alter column tenant_id set statistics 0;
alter table workspaces.bound_entries
    alter column tenant_id set statistics 0,
    alter column workspace_id set statistics 0,
    alter column external_key set statistics 0;
alter table workspaces.memberships
    alter column tenant_id set statistics 0,
    alter column workspace_id set statistics 0,
    alter column user_id set statistics 0;

-- Settings of organisations: single sign-on configurations in full, secret tokens that wait for a Save.

-- Which organisation a configuration belongs to. No tenant row: providers and their browsers come to an address with
-- nothing but the configuration's id in it.
create table workspaces.sso_configuration_ids (
    id              uuid primary key,
    organisation_id uuid not null
);
grant select, insert, delete on workspaces.sso_configuration_ids to rollcall_app;

-- settings: what is no secret. sealed: the client's secret or key; secret_ends: its last characters, to know it again by.
alter table workspaces.sso_configurations
    add column version bigint not null default 1,
    add column name text not null check (length(name) between 1 and 100),
    add column kind text not null check (kind in ('entra_multi_tenant', 'entra', 'openid_connect', 'saml')),
    add column settings jsonb not null default '{}',
    add column sealed bytea,
    add column secret_ends text not null default '',
    add column secret_set timestamptz,
    add column secret_expires date,
    add column created timestamptz not null,
    add column changed timestamptz not null;
create unique index sso_configurations_name on workspaces.sso_configurations (tenant_id, lower(name));
create index workspace_login_configuration on workspaces.workspace_login (tenant_id, configuration_id)
    where configuration_id is not null;

-- activated: when a Save made it valid; before that it opens nothing, and belongs to the session that asked for it.
alter table workspaces.scim_credentials
    add column activated timestamptz,
    add column pending_session uuid,
    add column created_by text not null default '';
-- The wall hides the credentials from their table's owner too, while it is forced.
alter table workspaces.scim_credentials no force row level security;
update workspaces.scim_credentials set activated = created;
alter table workspaces.scim_credentials force row level security;
alter table workspaces.scim_credentials
    add constraint scim_credentials_pending check ((activated is null) = (pending_session is not null));

-- Networks that SCIM may be called from; empty: any. synchronization_version: of the page that sets both.
alter table workspaces.organisations
    add column scim_networks text[] collate "C" not null default '{}',
    add column synchronization_version bigint not null default 1;

-- Login links that were mailed: for one workspace, to a member of it or to somebody who registers by using it.
create table workspaces.login_links (
    tenant_id    uuid not null default rollcall_tenant(),
    id           uuid not null,
    hash         bytea not null,              -- of 256 random bits
    workspace_id uuid not null,
    user_id      uuid,                        -- null: the account is made when the link is used
    address      text not null,               -- where it was mailed to
    registers    boolean not null,            -- whether using it makes a membership
    uses_left    integer check (uses_left >= 0),   -- null: any number
    created      timestamptz not null,
    expires      timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, workspace_id) references workspaces.workspaces (tenant_id, id),
    foreign key (tenant_id, user_id) references workspaces.users (tenant_id, id) on delete cascade,
    check (registers or user_id is not null)
);
create unique index login_links_hash on workspaces.login_links (tenant_id, hash);
create index login_links_user on workspaces.login_links (tenant_id, user_id) where user_id is not null;
create index login_links_workspace on workspaces.login_links (tenant_id, workspace_id);
create index login_links_expires on workspaces.login_links (tenant_id, expires);

select rollcall_protect('workspaces.login_links');

-- Suspended here or by SCIM, or known by another user name or address from here on: a person's links are void. Deleted,
-- they are gone with the row above.
create function workspaces.void_login_links() returns trigger language plpgsql as $$
begin
    delete from workspaces.login_links where tenant_id = new.tenant_id and user_id = new.id;
    return null;
end $$;
create trigger users_changed_links after update on workspaces.users
    for each row when ((new.active is false and old.active is distinct from false)
                       or (new.suspended is not null and old.suspended is null)
                       or new.user_name_folded is distinct from old.user_name_folded
                       or new.resource -> 'emails' is distinct from old.resource -> 'emails')
    execute function workspaces.void_login_links();

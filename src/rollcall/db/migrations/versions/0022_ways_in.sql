-- PINs that were mailed. One is asked for in a browser, and good in that browser only. Rows without user are kept for
-- addresses that get none, so that asking and trying take the same way for everybody.
create table workspaces.pins (
    tenant_id    uuid not null default rollcall_tenant(),
    id           uuid not null,
    purpose      text not null check (purpose in ('dashboard', 'link')),
    browser_hash bytea not null,              -- of the handle in the browser's cookie
    user_id      uuid,
    pin_hash     text not null,               -- argon2id: eight digits are guessed from a fast hash
    sealed       bytea,                       -- for the operator to read, where there is no mail server
    tries        integer not null default 0,
    created      timestamptz not null,
    expires      timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, user_id) references workspaces.users (tenant_id, id) on delete cascade
);
create unique index pins_user on workspaces.pins (tenant_id, purpose, user_id) where user_id is not null;
create unique index pins_browser on workspaces.pins (tenant_id, purpose, browser_hash);
create index pins_expires on workspaces.pins (tenant_id, expires);

select rollcall_protect('workspaces.pins');

-- Suspended here or by SCIM, a person's PINs are void; deleted, they are gone with the row above.
create function workspaces.void_pins_of_suspended() returns trigger language plpgsql as $$
begin
    delete from workspaces.pins where tenant_id = new.tenant_id and user_id = new.id;
    return null;
end $$;
create trigger users_suspended_pins after update of active, suspended on workspaces.users
    for each row when ((new.active is false or new.suspended is not null)
                       and (old.active is distinct from new.active or old.suspended is distinct from new.suspended))
    execute function workspaces.void_pins_of_suspended();

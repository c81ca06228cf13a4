-- The tenants of this installation: how a name finds the id that every other table begins with.
-- Before the wall between tenants, so without row-level security: nothing but names and ids, and only commands read it.

create table directory.tenants (
    id uuid primary key,
    name text not null,
    created timestamptz not null default now()
);
create unique index tenants_name on directory.tenants (lower(name));
grant select, insert on directory.tenants to rollcall_app;

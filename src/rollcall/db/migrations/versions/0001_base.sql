-- Schemas, the application role, and the wall between tenants.

-- Roles belong to the whole server: another database, or another program at this moment, may have made it.
do $$
begin
    if not exists (select from pg_roles where rolname = 'rollcall_app') then
        create role rollcall_app nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
end
$$;

-- The owner may become the application role; it does not inherit from it. A superuser may anyway.
do $$
begin
    if not (select rolsuper from pg_roles where rolname = current_user)
       and not pg_has_role(current_user, 'rollcall_app', 'set') then
        execute format('grant rollcall_app to %I with set true, inherit false', current_user);
    end if;
end
$$;

create schema directory;
create schema provisioning;
create schema workspaces;
create schema queue;

grant usage on schema directory, provisioning, workspaces, queue to rollcall_app;

alter default privileges in schema directory, provisioning, workspaces, queue
    grant usage, select on sequences to rollcall_app;
alter default privileges in schema queue
    grant select, insert, update, delete on tables to rollcall_app;

-- The tenant of this transaction, or null. The setting is '' after the first transaction of a session that set it.
-- Kept free of everything that would stop the planner from inlining it.
create function public.rollcall_tenant() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('rollcall.tenant', true), '')::uuid;

-- The second wall: a table with `tenant_id` shows and takes rows of the transaction's tenant only, whoever asks.
create function public.rollcall_protect(protected regclass) returns void
    language plpgsql
as $$
begin
    execute format('alter table %s enable row level security, force row level security', protected);
    execute format(
        'create policy tenant on %s using (tenant_id = public.rollcall_tenant())'
        ' with check (tenant_id = public.rollcall_tenant())',
        protected
    );
    execute format('grant select, insert, update, delete on %s to rollcall_app', protected);
end
$$;

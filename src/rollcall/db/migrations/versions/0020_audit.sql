-- What happened in an organisation. Rows are added in the transaction of what they tell, and neither the program nor
-- whoever takes it over can change or remove one: the application role may only add and read.

create table workspaces.audit (
    tenant_id      uuid not null default rollcall_tenant(),
    id             uuid not null,
    at             timestamptz not null,
    actor          text not null,               -- a user's id, scim:<credential id>, system, or operator
    action         text not null,
    target_type    text not null default '',
    target_id      text not null default '',
    outcome        text not null check (outcome in ('ok', 'denied', 'error')),
    reason         text not null default '',
    ip             text not null default '',
    user_agent     text not null default '',
    session        text not null default '',    -- a short hash
    correlation_id text not null default '',
    changes        jsonb not null default '[]', -- name, old value, new value
    details        jsonb not null default '{}',
    seal           bigint,                      -- the number of the seal it is under; null: not sealed yet
    primary key (tenant_id, id)
);
create index audit_unsealed on workspaces.audit (tenant_id, id) where seal is null;
create index audit_seal on workspaces.audit (tenant_id, seal, id) where seal is not null;
create index audit_actor on workspaces.audit (tenant_id, actor, id);
create index audit_action on workspaces.audit (tenant_id, action, id);
create index audit_target on workspaces.audit (tenant_id, target_id, id);

-- Each seal holds a digest over its events and the digest of the seal before it, so that a cut is noticed. Events are sealed
-- some seconds after they were committed and not one by one with them, which would make the writers of an organisation
-- wait for each other.
create table workspaces.audit_seals (
    tenant_id uuid not null default rollcall_tenant(),
    number    bigint not null,
    at        timestamptz not null,
    events    integer not null,
    last_at   timestamptz not null,
    previous  bytea not null,
    digest    bytea not null,
    pruned    timestamptz,                      -- when its events were removed, as old as they were
    primary key (tenant_id, number)
);

select rollcall_protect('workspaces.audit');
select rollcall_protect('workspaces.audit_seals');
revoke update, delete on workspaces.audit from rollcall_app;
revoke insert, update, delete on workspaces.audit_seals from rollcall_app;

-- An event as the text that is digested; every field of it, and moments in UTC.
create function workspaces.audit_text(event workspaces.audit) returns text language sql stable as $$
    select jsonb_build_array(event.id, to_char(event.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), event.actor,
        event.action, event.target_type, event.target_id, event.outcome, event.reason, event.ip, event.user_agent,
        event.session, event.correlation_id, event.changes, event.details)::text
$$;

create function workspaces.audit_digest(previous bytea, number bigint) returns bytea language sql stable as $$
    select sha256(previous || convert_to(coalesce(string_agg(workspaces.audit_text(event), e'\n' order by event.id), ''), 'UTF8'))
    from workspaces.audit event where event.tenant_id = public.rollcall_tenant() and event.seal = audit_digest.number
$$;

-- Puts what is not sealed yet, so many events at the most, under a new seal; how many there were. It runs as the owner of
-- the tables, within the tenant of the transaction.
create function workspaces.seal_audit(most integer, moment timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    tenant uuid := public.rollcall_tenant();
    last workspaces.audit_seals;
    sealed integer;
    latest timestamptz;
begin
    if tenant is null then
        raise exception 'an audit log is sealed within its organisation';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('audit ' || tenant, 0));
    select * into last from workspaces.audit_seals where tenant_id = tenant order by number desc limit 1;
    with chosen as (
        select id from workspaces.audit where tenant_id = tenant and seal is null order by id limit most
    ), changed as (
        update workspaces.audit event set seal = coalesce(last.number, 0) + 1
        from chosen where event.tenant_id = tenant and event.id = chosen.id returning event.at
    )
    select count(*), max(at) into sealed, latest from changed;
    if sealed > 0 then
        insert into workspaces.audit_seals (tenant_id, number, at, events, last_at, previous, digest)
        values (tenant, coalesce(last.number, 0) + 1, moment, sealed, latest, coalesce(last.digest, ''::bytea),
            workspaces.audit_digest(coalesce(last.digest, ''::bytea), coalesce(last.number, 0) + 1));
    end if;
    return sealed;
end
$$;

-- Removes the events of whole seals, the oldest first, of which all are older than they are kept; how many. Their seals stay,
-- so that the chain does.
create function workspaces.prune_audit(before timestamptz, most integer, moment timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    tenant uuid := public.rollcall_tenant();
    oldest workspaces.audit_seals;
    removed integer := 0;
    number_of integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('audit ' || tenant, 0));
    for oldest in
        select * from workspaces.audit_seals where tenant_id = tenant and pruned is null order by number
    loop
        exit when oldest.last_at >= before or removed >= most;
        delete from workspaces.audit where tenant_id = tenant and seal = oldest.number;
        get diagnostics number_of = row_count;
        removed := removed + number_of;
        update workspaces.audit_seals set pruned = moment where tenant_id = tenant and number = oldest.number;
    end loop;
    return removed;
end
$$;
revoke execute on function workspaces.seal_audit, workspaces.prune_audit from public;
grant execute on function workspaces.seal_audit, workspaces.prune_audit to rollcall_app;

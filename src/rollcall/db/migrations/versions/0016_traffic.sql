-- What the jobs of some tenants hold now. The wall between tenants stands: it is asked for each tenant as that tenant,
-- once for all of them, since a scrape that opens a transaction for each would take as long as there are tenants.
create function provisioning.job_gauges(tenants uuid[])
    returns table (job_id uuid, state text, quarantine_reason text, escrowed bigint, withheld bigint)
    language plpgsql volatile
as $$
declare
    before text := coalesce(current_setting('rollcall.tenant', true), '');
    one uuid;
begin
    foreach one in array tenants loop
        perform set_config('rollcall.tenant', one::text, true);
        return query
            select j.id, j.state, j.quarantine ->> 'reason',
                (select count(*) from provisioning.links l where l.tenant_id = one and l.job_id = j.id
                    and l.escrow_next_attempt is not null),
                (select count(*) from provisioning.links l where l.tenant_id = one and l.job_id = j.id and l.withheld)
            from provisioning.jobs j where j.tenant_id = one;
    end loop;
    perform set_config('rollcall.tenant', before, true);
end
$$;
grant execute on function provisioning.job_gauges(uuid[]) to rollcall_app;

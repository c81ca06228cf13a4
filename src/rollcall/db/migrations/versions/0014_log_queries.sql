-- Indexes and retention of the provisioning log.

-- Who had it done; null: the service by its schedule. And which attributes a record tells of, as the id of a set.
alter table provisioning.log add column initiated_by jsonb, add column attribute_set bigint;

-- The transaction that wrote a record: ids follow the clocks of those who write, and a page commits when it is done, so
-- only this tells what is new to somebody who follows. What is there already was written before anybody followed.
alter table provisioning.log add column xid bigint;
alter table provisioning.log alter column xid set default (pg_current_xact_id()::text::bigint);

-- Sets of attributes that changed together. There are few of them, so that a record needs a number only, and the log can
-- be asked for an attribute through an index by equality, which is what row-level security lets an index be used for.
create table provisioning.log_attribute_sets (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id bigint not null,                         -- the first 64 bits of the md5 of the attributes, in order, by line
    attributes text[] not null,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);

-- What is there already. The owner of the tables sees all tenants where row-level security is not forced on it.
alter table provisioning.log no force row level security;
update provisioning.log l set attribute_set = ('x' || left(md5(named.attributes), 16))::bit(64)::bigint
from (
    select tenant_id, job_id, id, string_agg(attribute, e'\n' order by attribute collate "C") as attributes
    from (
        select distinct tenant_id, job_id, id, change ->> 0 as attribute
        from provisioning.log cross join lateral jsonb_array_elements(modified) as change
    ) as each group by tenant_id, job_id, id
) as named
where (l.tenant_id, l.job_id, l.id) = (named.tenant_id, named.job_id, named.id);
insert into provisioning.log_attribute_sets (tenant_id, job_id, id, attributes)
select distinct on (tenant_id, job_id, attribute_set) tenant_id, job_id, attribute_set,
    array(select distinct change ->> 0 from jsonb_array_elements(modified) as change order by 1)
from provisioning.log where attribute_set is not null;
alter table provisioning.log force row level security;

-- Each holds ids, which grow with time, under few different values: a new row goes to the end of one of a few pages.
drop index provisioning.log_failed;
create index log_status on provisioning.log (tenant_id, job_id, status, id);
create index log_action on provisioning.log (tenant_id, job_id, action, id);
create index log_cycle on provisioning.log (tenant_id, job_id, cycle_id, id);
create index log_code on provisioning.log (tenant_id, job_id, code, id) where code <> '';
create index log_written on provisioning.log (tenant_id, job_id, xid, id) where xid is not null;
create index log_attribute_set on provisioning.log (tenant_id, job_id, attribute_set, id)
    where attribute_set is not null;

-- What a tenant has chosen for itself; without a row, the defaults.
create table provisioning.tenant_settings (
    tenant_id uuid primary key default rollcall_tenant(),
    log_kept_days integer not null default 400 check (log_kept_days between 1 and 3650)
);

select rollcall_protect('provisioning.log_attribute_sets');
select rollcall_protect('provisioning.tenant_settings');

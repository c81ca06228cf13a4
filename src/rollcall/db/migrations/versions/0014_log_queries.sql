-- Indexes and retention of the provisioning log.

-- Who had it done; null: the service by its schedule.
alter table provisioning.log add column initiated_by jsonb;

-- Which attributes a record tells of, as the number of a set; null: none. 0 is what was there before, not looked at yet: a
-- default that no row is rewritten for, and housekeeping gives these rows their numbers a few at a time.
alter table provisioning.log add column attribute_set bigint default 0;
alter table provisioning.log alter column attribute_set drop default;

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
    used date not null,                         -- the last day of which there is a record with them
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
-- What the sets are found by: each attribute in small letters, and what it is part of.
create table provisioning.log_attributes (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    word text not null,
    attribute_set bigint not null,
    primary key (tenant_id, job_id, word, attribute_set),
    foreign key (tenant_id, job_id, attribute_set)
        references provisioning.log_attribute_sets (tenant_id, job_id, id) on delete cascade
);
create index log_attributes_of_set on provisioning.log_attributes (attribute_set, job_id, tenant_id);

-- Who asked for what comes next: a restart (no object), another attempt, a removal that was held back. The first record
-- of it names them, and those of a restart until a cycle has come to its end.
create table provisioning.log_requests (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    kind text not null,                         -- empty for the whole job
    source_id text not null,
    of_references boolean not null,
    initiated_by jsonb not null,
    at timestamptz not null,
    primary key (tenant_id, job_id, kind, source_id, of_references),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);

-- Each holds ids, which grow with time, under few different values: a new row goes to the end of one of a few pages.
drop index provisioning.log_failed;
create index log_status on provisioning.log (tenant_id, job_id, status, id);
create index log_kind on provisioning.log (tenant_id, job_id, kind, id);
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
select rollcall_protect('provisioning.log_attributes');
select rollcall_protect('provisioning.log_requests');
select rollcall_protect('provisioning.tenant_settings');

-- What the guards of a job count.

-- Removals that a guard held back, a lot at a time, until somebody allows or rejects the lot.
create table provisioning.stagings (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    cycle_id uuid not null,
    at timestamptz not null,
    guard text not null,                        -- the setting that objected
    because text not null,                      -- the evidence, with its numbers
    number integer not null,                    -- how many removals, or memberships, were held back
    decision text check (decision in ('allowed', 'rejected', 'restarted', 'over')),
    decided_at timestamptz,
    decided_by text,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
create index stagings_open on provisioning.stagings (tenant_id, job_id, id) where decision is null;

alter table provisioning.links
    add column staged text not null default '' check (staged in ('', 'counting', 'judged', 'held', 'allowed')),
    add column staging uuid,
    add column filled text[] not null default '{}';    -- watched source attributes that had a value at the last look
create index links_staged on provisioning.links (tenant_id, job_id, staged, kind, source_id) where staged <> '';
create index links_held on provisioning.links (tenant_id, job_id, staging) where staged in ('judged', 'held');

alter table provisioning.object_references
    add column staged text not null default '' check (staged in ('', 'held', 'allowed', 'rejected')),
    add column staging uuid,
    -- What waits for somebody's leave, or did not get it, nothing else may make due.
    add check (not (due and staged in ('held', 'rejected')));
-- Removals that are due are counted without walking through a hundred thousand new members.
create index object_references_removed on provisioning.object_references (tenant_id, job_id)
    where due and not wanted;
create index object_references_held on provisioning.object_references (tenant_id, job_id, staging)
    where staged = 'held';

-- Why the reading of everything that is under way looks like one of a broken source; empty: it does not.
alter table provisioning.jobs add column anomaly text not null default '';

-- How many removals were sent, by the hour: what a sliding day is added up from.
create table provisioning.removals_by_hour (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    hour timestamptz not null,
    number integer not null,
    primary key (tenant_id, job_id, hour),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);

-- The owner sees no tenant's rows while row-level security is forced.
alter table provisioning.links no force row level security;
alter table provisioning.jobs no force row level security;
-- What was held back before there were lots is one lot of each job.
insert into provisioning.stagings (tenant_id, job_id, id, cycle_id, at, guard, because, number)
select tenant_id, job_id, uuidv7(), uuidv7(), now(), 'deletion_threshold', 'A cycle reached the deletion threshold.', count(*)
from provisioning.links where withheld group by tenant_id, job_id;
update provisioning.links l set staged = 'held', staging = s.id
from provisioning.stagings s where l.withheld and s.tenant_id = l.tenant_id and s.job_id = l.job_id;
-- A limit of 0 was none, and is written as none from now on.
update provisioning.jobs set settings = (
    select jsonb_object_agg(key, case
        when key in ('deletion_threshold', 'deletion_percent', 'deletions_per_day', 'membership_removal_threshold')
            and value = '0'::jsonb then 'null'::jsonb
        else value end)
    from jsonb_each(settings))
where settings <> '{}';
alter table provisioning.links force row level security;
alter table provisioning.jobs force row level security;

select rollcall_protect('provisioning.stagings');
select rollcall_protect('provisioning.removals_by_hour');

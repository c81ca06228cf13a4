-- The state of a job that fails too much, when its next cycle may come, and what was done to it.
alter table provisioning.jobs
    add column quarantine jsonb,                    -- null: not in quarantine
    add column health jsonb not null default '{}',  -- what else is remembered of how cycles went
    add column resume_at timestamptz,               -- the target asked not to be asked before
    add column assessed_at timestamptz,             -- when the last cycle was judged
    add column force_deletes boolean not null default false;  -- the next cycle carries out removals that were held back

alter table provisioning.cycles
    add column outcome text check (outcome in ('Succeeded', 'Failed', 'EntryLevelErrors')),
    add column exported boolean not null default false;
create index cycles_succeeded on provisioning.cycles (tenant_id, job_id, id) where outcome = 'Succeeded';
create index cycles_exported on provisioning.cycles (tenant_id, job_id, id) where outcome = 'Succeeded' and exported;

-- What waits is found without reading what does not.
create index links_withheld on provisioning.links (tenant_id, job_id, kind, source_id) where withheld;
create index links_escrow on provisioning.links (tenant_id, job_id, escrow_next_attempt)
    where escrow_next_attempt is not null;
create index object_references_later on provisioning.object_references (tenant_id, job_id, next_attempt)
    where due and next_attempt is not null;

-- When a job's next cycle may come, and when something waits for one: times, nothing a tenant would call data.
alter table queue.provisioning_schedule
    drop column next_cycle,
    add column not_before timestamptz,      -- quarantine, or the target asked for it
    add column not_before_since timestamptz,
    add column next_due timestamptz;        -- something that failed is tried again then

create table provisioning.audit (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    activity text not null,
    who text not null,
    details jsonb not null default '{}',
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
select rollcall_protect('provisioning.audit');

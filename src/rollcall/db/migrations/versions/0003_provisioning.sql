-- The provisioning room: jobs, cycles, links, references, and the log.
-- Source ids are text: a source need not be our directory. No foreign keys to other schemas.

create table provisioning.jobs (
    tenant_id uuid not null default rollcall_tenant(),
    id uuid not null,
    service_principal_id uuid not null,
    display_name text not null,
    template text not null,
    tenant_url text,
    sealed_token bytea,
    settings jsonb not null default '{}',
    sync_schema jsonb not null,
    state text not null default 'Disabled' check (state in ('Active', 'Paused', 'Disabled')),
    watermark jsonb,                            -- how far the source is read; null: from the beginning
    reading_full boolean not null default false,
    generation bigint not null default 0,
    holder uuid,                                -- the cycle that may write what the job remembers
    epoch bigint not null default 0,            -- grows when the job has to begin anew; a running cycle then ends
    created timestamptz not null default now(),
    modified timestamptz not null default now(),
    primary key (tenant_id, id)
);
create unique index jobs_display_name on provisioning.jobs (tenant_id, lower(display_name));

create table provisioning.cycles (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    kind text not null check (kind in ('initial', 'incremental')),
    began timestamptz not null,
    observed timestamptz not null,              -- when the counts were last brought up to date
    ended timestamptz,
    counts jsonb not null default '{}',
    problem_code text,
    problem_reason text,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);

create table provisioning.links (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    kind text not null,
    source_id text not null,
    name text not null,
    state text not null check (state in ('absent', 'linked', 'uncertain')),
    target_id text,
    sent jsonb not null default '{}',           -- what the target carries as far as we know, by attribute path
    disabled boolean not null default false,
    intent_matching jsonb not null default '[]',
    generation bigint not null default 0,
    members_pending boolean not null default false,
    withheld boolean not null default false,
    escrow_attempts integer,
    escrow_first_failed timestamptz,
    escrow_next_attempt timestamptz,
    escrow_code text,
    escrow_reason text,
    primary key (tenant_id, job_id, kind, source_id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
-- One target resource belongs to one source object.
create unique index links_target on provisioning.links (tenant_id, job_id, kind, target_id) where target_id is not null;
create index links_due on provisioning.links (tenant_id, job_id, kind, source_id)
    where state = 'uncertain' or escrow_next_attempt is not null;
create index links_pending on provisioning.links (tenant_id, job_id, kind, source_id) where members_pending;
create index links_generation on provisioning.links (tenant_id, job_id, generation);

create table provisioning.object_references (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    source_kind text not null,
    source_id text not null,
    attribute text not null,
    referenced_kind text not null,
    referenced_id text not null,
    wanted boolean not null,
    state text not null default 'absent' check (state in ('absent', 'present', 'uncertain')),
    due boolean not null default true,
    sweep bigint not null default 0,
    attempts integer not null default 0,
    next_attempt timestamptz,
    primary key (tenant_id, job_id, source_kind, source_id, attribute, referenced_kind, referenced_id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
) with (fillfactor = 60);  -- room in its page for what a row becomes, uncertain, before it settles
create index object_references_referenced
    on provisioning.object_references (tenant_id, job_id, referenced_kind, referenced_id);
create index object_references_due
    on provisioning.object_references (tenant_id, job_id, source_kind, source_id, attribute) where due;

create table provisioning.log (
    tenant_id uuid not null default rollcall_tenant(),
    id uuid not null,
    job_id uuid not null,
    cycle_id uuid not null,
    at timestamptz not null,
    kind text not null,
    source_id text not null,
    name text not null,
    target_id text,
    action text not null,
    status text not null check (status in ('success', 'failure', 'skipped', 'warning')),
    code text not null,
    reason text not null,
    duration_milliseconds integer not null,
    steps jsonb not null,
    modified jsonb not null,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
create index log_object on provisioning.log (tenant_id, job_id, source_id, id);
create index log_name on provisioning.log (tenant_id, job_id, name, id);
create index log_failed on provisioning.log (tenant_id, job_id, id) where status = 'failure';

select rollcall_protect('provisioning.jobs');
select rollcall_protect('provisioning.cycles');
select rollcall_protect('provisioning.links');
select rollcall_protect('provisioning.object_references');
select rollcall_protect('provisioning.log');

-- The planner would take a job that it has no statistics of yet, such as one in its first cycle, for one with a row or
-- two, and read all of it again and again instead of asking an index by key. So it is told once and for all to take
-- every job for one that owns the whole table; statistics gathered later leave these columns alone.
do $$
declare
    one record;
begin
    for one in
        select tables.name, columns.name as attribute
        from (values ('links'), ('object_references'), ('log')) as tables (name),
             (values ('tenant_id'), ('job_id')) as columns (name)
    loop
        execute format('alter table provisioning.%I alter column %I set statistics 0', one.name, one.attribute);
        perform pg_restore_attribute_stats(
            'schemaname', 'provisioning', 'relname', one.name, 'attname', one.attribute, 'inherited', false,
            'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real);
    end loop;
end $$;

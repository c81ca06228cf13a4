-- Plans that wait for an approval. At most one of a job is open: waiting, or approved and not applied yet.
create table provisioning.plans (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    number bigint generated always as identity, -- their order, which a clock that goes back does not change
    series uuid not null, -- the first of the plans that took each other's place while nobody decided
    made timestamptz not null,
    given_at timestamptz not null, -- the moment that mappings worked with, and the chance they drew with
    seed text not null,
    looked timestamptz not null,
    expires timestamptz not null,
    state text not null check (state in ('waiting', 'approved', 'rejected', 'expired', 'superseded', 'applied')),
    digest text not null,
    basis jsonb not null,
    kind text not null,
    totals jsonb not null,
    warnings jsonb not null,
    decided timestamptz,
    decided_by text,
    comment text,
    began timestamptz,
    ended timestamptz,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
create unique index plans_open on provisioning.plans (tenant_id, job_id) where state in ('waiting', 'approved');
create unique index plans_order on provisioning.plans (tenant_id, job_id, number);
select rollcall_protect('provisioning.plans');

-- The document of a plan, compressed, in pieces.
create table provisioning.plan_pieces (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    plan_id uuid not null,
    number integer not null,
    content bytea not null,
    primary key (tenant_id, job_id, plan_id, number),
    foreign key (tenant_id, job_id, plan_id) references provisioning.plans (tenant_id, job_id, id) on delete cascade
);
select rollcall_protect('provisioning.plan_pieces');

-- Which plan out of a file was begun and did not come to its end: it may be finished.
alter table provisioning.jobs add column begun_plan text;

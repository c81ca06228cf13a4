-- What administrators are told, by mail and webhook.
create table provisioning.notices (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    kind text not null,
    reason text not null,
    message text not null,
    details jsonb not null default '{}',
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
select rollcall_protect('provisioning.notices');

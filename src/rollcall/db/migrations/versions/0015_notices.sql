-- What administrators are told, by mail and webhook.

create table provisioning.notices (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    number bigint generated always as identity, -- their order, which a clock that goes back does not change
    at timestamptz not null,
    kind text not null,
    reason text not null,
    message text not null,
    details jsonb not null default '{}',
    over_at timestamptz,                        -- when a notice that all is well ended this trouble
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
create unique index notices_order on provisioning.notices (tenant_id, job_id, number);
create index notices_open on provisioning.notices (tenant_id, job_id, kind, number) where over_at is null and kind <> 'well';

create table provisioning.webhooks (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    url text not null,
    events text[] not null,
    sealed_secret bytea not null,
    old_sealed_secret bytea,                    -- signs as well for a while after a rotation
    old_secret_until timestamptz,
    created timestamptz not null,
    failing_since timestamptz,                  -- the first request that failed since one arrived
    disabled timestamptz,
    disabled_because text,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade
);
create unique index webhooks_url on provisioning.webhooks (tenant_id, job_id, url);

create table provisioning.deliveries (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    id uuid not null,
    notice_id uuid,                             -- null: a test
    webhook_id uuid,                            -- null: a mail
    recipient text not null,
    created timestamptz not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    attempts integer not null default 0,
    last_attempt timestamptz,
    next_attempt timestamptz,
    status integer,                             -- SMTP reply code or HTTP status of the last attempt
    answer text,
    duration_milliseconds integer,
    primary key (tenant_id, job_id, id),
    foreign key (tenant_id, job_id) references provisioning.jobs (tenant_id, id) on delete cascade,
    foreign key (tenant_id, job_id, notice_id) references provisioning.notices (tenant_id, job_id, id) on delete cascade,
    foreign key (tenant_id, job_id, webhook_id) references provisioning.webhooks (tenant_id, job_id, id) on delete cascade
);
create index deliveries_notice on provisioning.deliveries (tenant_id, job_id, notice_id);
create index deliveries_webhook on provisioning.deliveries (tenant_id, job_id, webhook_id, created)
    where webhook_id is not null;

create table provisioning.delivery_attempts (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    delivery_id uuid not null,
    number integer not null,
    at timestamptz not null,
    status integer,
    answer text not null,
    duration_milliseconds integer not null,
    primary key (tenant_id, job_id, delivery_id, number),
    foreign key (tenant_id, job_id, delivery_id)
        references provisioning.deliveries (tenant_id, job_id, id) on delete cascade
);

select rollcall_protect('provisioning.notices');
select rollcall_protect('provisioning.webhooks');
select rollcall_protect('provisioning.deliveries');
select rollcall_protect('provisioning.delivery_attempts');

-- What waits to be delivered, over all tenants: nothing but ids, so that a worker finds it.
create table queue.deliveries (
    id uuid primary key,
    tenant uuid not null,
    job_id uuid not null,
    channel text not null check (channel in ('mail', 'webhook')),
    created timestamptz not null,
    due timestamptz not null,
    claim uuid                                  -- of the worker that tries it, until it is due again
);
create index deliveries_due on queue.deliveries (due);

-- Until when the Secret Token is good, as an administrator says, and for how many days before the last warning was.
alter table provisioning.jobs add column token_expires timestamptz, add column token_expiry_told integer;

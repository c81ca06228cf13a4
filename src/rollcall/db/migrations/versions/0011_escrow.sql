-- What is remembered of the last attempt at an object that failed.

alter table provisioning.links
    add column escrow_given_up boolean not null default false;  -- not tried again by itself

-- References fail as objects do: since when, why, and whether they are given up.
alter table provisioning.object_references
    add column first_failed timestamptz,
    add column code text,
    add column reason text,
    add column given_up boolean not null default false,
    add column exchange_id uuid;                -- of its last request
update provisioning.object_references
    set first_failed = coalesce(next_attempt, now()), code = 'InternalError',
        reason = 'It failed before reasons were kept.'
    where attempts > 0;
create index object_references_failed on provisioning.object_references
    (tenant_id, job_id, source_kind, source_id, attribute, referenced_kind, referenced_id)
    where first_failed is not null;
create index object_references_exchange on provisioning.object_references (tenant_id, job_id, exchange_id)
    where exchange_id is not null;

-- The last request for each object in escrow, and the last one for each of its references that failed, with the answer.
create table provisioning.escrow_exchanges (
    tenant_id uuid not null default rollcall_tenant(),
    job_id uuid not null,
    kind text not null,
    source_id text not null,
    attribute text not null,                    -- empty for the object itself
    id uuid not null,                           -- by which references point at theirs; all zeros for the object itself
    number integer not null default 0,          -- of references in the request
    at timestamptz not null,
    method text not null,
    path text not null,
    body jsonb,
    status integer,                             -- null: no answer came
    answer text not null,
    primary key (tenant_id, job_id, kind, source_id, attribute, id),
    foreign key (tenant_id, job_id, kind, source_id)
        references provisioning.links (tenant_id, job_id, kind, source_id) on delete cascade
);
select rollcall_protect('provisioning.escrow_exchanges');

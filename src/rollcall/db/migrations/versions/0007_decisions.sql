-- Who was disabled long enough ago is deleted, where the job says so.
alter table provisioning.links add column disabled_at timestamptz;
create index links_disabled on provisioning.links (tenant_id, job_id, disabled_at) where disabled_at is not null;

-- What the target can do, as it was last found out; null: not yet.
alter table provisioning.jobs add column capabilities jsonb, add column capabilities_at timestamptz;

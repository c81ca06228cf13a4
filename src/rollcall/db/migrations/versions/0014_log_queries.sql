-- Indexes and retention of the provisioning log.
select 1;

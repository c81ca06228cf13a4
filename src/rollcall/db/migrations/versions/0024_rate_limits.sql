-- Until when each key has used up its turns. Not logged, since a crash that frees them all does no harm; no tenant row,
-- since it is asked before a tenant is known, and holds nothing but hashes.
create unlogged table public.rate_limits (
    key        bytea primary key,
    busy_until timestamptz not null
) with (fillfactor = 70);
create index rate_limits_busy_until on public.rate_limits (busy_until);
grant select, insert, update, delete on public.rate_limits to rollcall_app;

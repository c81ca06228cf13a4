-- The state of a job that fails too much.
select 1;

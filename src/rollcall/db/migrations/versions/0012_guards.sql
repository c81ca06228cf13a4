-- What the guards of a job count.
select 1;

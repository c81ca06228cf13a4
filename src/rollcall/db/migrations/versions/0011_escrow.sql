-- What is remembered of the last attempt at an object that failed.
select 1;

-- Plans that wait for an approval.
select 1;

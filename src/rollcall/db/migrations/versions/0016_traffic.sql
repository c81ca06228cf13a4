-- The pace a target allows.
select 1;

-- What an input filter keeps a job from changing, so that its references are not changed either.
alter table provisioning.links add column left_alone boolean not null default false;

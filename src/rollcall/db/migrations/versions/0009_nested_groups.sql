-- Groups inside a group are found without walking through its people, be there a hundred thousand of them.
create index memberships_nested on directory.memberships (tenant_id, group_id, member_id) where member_kind = 'Group';

-- Which groups a group was taken out of lately: who was above it has to hear of what happens beneath it.
create index changes_nested on directory.changes (tenant_id, other_id, xid)
    where kind = 'membership' and other_kind = 'Group';

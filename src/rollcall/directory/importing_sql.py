"""The statements of an import: staging tables, who is who, what is wrong, and the writes with their changes."""

from __future__ import annotations

# The tables vanish with the transaction. `place` tells rows of one line apart.
CREATE_STAGING = (
    """
    create temporary table staged_people (
        place bigint generated always as identity,
        line bigint not null,
        name text not null,
        folded text not null,
        import_key text,
        display_name text,
        account_enabled boolean,
        manager text,                   -- a reference; '' is nobody
        attributes jsonb not null,
        user_id uuid,
        manager_id uuid,
        is_new boolean not null default false
    ) on commit drop
    """,
    """
    create temporary table staged_groups (
        place bigint generated always as identity,
        line bigint not null,
        import_key text,
        display_name text not null,
        folded text not null,
        attributes jsonb not null,
        is_mere_name boolean not null,  -- a person of the file names the group, nothing more is said of it
        group_id uuid,
        is_new boolean not null default false
    ) on commit drop
    """,
    """
    create temporary table staged_members (
        place bigint generated always as identity,
        line bigint not null,
        group_ref text not null,
        member_ref text not null,
        group_id uuid,
        member_id uuid,
        member_kind text
    ) on commit drop
    """,
    """
    create temporary table staged_references (ref text primary key, kind text, id uuid) on commit drop
    """,
)
COPY_PEOPLE = (
    "copy pg_temp.staged_people (line, name, folded, import_key, display_name, account_enabled, manager, attributes)"
    " from stdin"
)
COPY_GROUPS = "copy pg_temp.staged_groups (line, import_key, display_name, folded, attributes, is_mere_name) from stdin"
COPY_MEMBERS = "copy pg_temp.staged_members (line, group_ref, member_ref) from stdin"
INDEX_STAGING = (
    "create index on pg_temp.staged_people (folded)",
    "create index on pg_temp.staged_people (import_key)",
    "create index on pg_temp.staged_people (user_id)",
    "analyze pg_temp.staged_people, pg_temp.staged_groups, pg_temp.staged_members",
)

MATCH = (
    """
    update pg_temp.staged_people as staged set user_id = person.id from directory.users as person
    where person.import_key = staged.import_key and person.deleted_at is null
    """,
    """
    update pg_temp.staged_people as staged set user_id = person.id from directory.users as person
    where staged.user_id is null and person.user_principal_name_folded = staged.folded and person.deleted_at is null
    """,
    """
    update pg_temp.staged_groups as staged set group_id = known.id from directory.groups as known
    where known.import_key = staged.import_key and known.deleted_at is null
    """,
    # A group of another file that has a name of its own there is not this one.
    """
    update pg_temp.staged_groups as staged set group_id = known.id from (
        select min(id::text)::uuid as id, display_name_folded from directory.groups
        where deleted_at is null group by display_name_folded having count(*) = 1
    ) as known
    where staged.group_id is null and known.display_name_folded = staged.folded
      and (staged.import_key is null or not exists (
          select from directory.groups as named where named.id = known.id and named.import_key is not null
      ))
    """,
    # A mere name means the group that the file describes elsewhere.
    """
    delete from pg_temp.staged_groups as staged using pg_temp.staged_groups as described
    where staged.is_mere_name and not described.is_mere_name and described.folded = staged.folded
    """,
)

_REMOVE_PEOPLE = "delete from pg_temp.staged_people where place = any(%s)"
_REMOVE_GROUPS = "delete from pg_temp.staged_groups where place = any(%s)"
_REMOVE_MEMBERS = "delete from pg_temp.staged_members where place = any(%s)"

# Each: find rows with place, line and reason; remove those rows.
BAD_ROWS = (
    (
        """
        select place, line, format('userPrincipalName %s is that of line %s already', name, first) as reason from (
            select place, line, name, first_value(line) over same as first, row_number() over same as number
            from pg_temp.staged_people window same as (partition by folded order by place)
        ) as staged where number > 1
        """,
        _REMOVE_PEOPLE,
    ),
    (
        """
        select place, line, format('the entry %s is on line %s already', import_key, first) as reason from (
            select place, line, import_key, first_value(line) over same as first, row_number() over same as number
            from pg_temp.staged_people where import_key is not null
            window same as (partition by import_key order by place)
        ) as staged where number > 1
        """,
        _REMOVE_PEOPLE,
    ),
    (
        """
        select place, line, format('%s is the same person as on line %s', name, first) as reason from (
            select place, line, name, first_value(line) over same as first, row_number() over same as number
            from pg_temp.staged_people where user_id is not null window same as (partition by user_id order by place)
        ) as staged where number > 1
        """,
        _REMOVE_PEOPLE,
    ),
    (
        """
        select staged.place, staged.line, format('userPrincipalName %s belongs to another user', staged.name) as reason
        from pg_temp.staged_people as staged join directory.users as person
          on person.user_principal_name_folded = staged.folded and person.deleted_at is null
        where person.id <> staged.user_id
          and not exists (
              select from pg_temp.staged_people as renamed
              where renamed.user_id = person.id and renamed.folded <> staged.folded
          )
        """,
        _REMOVE_PEOPLE,
    ),
    (
        """
        select place, line, format('the group %s is on line %s already', display_name, first) as reason from (
            select place, line, display_name, first_value(line) over same as first, row_number() over same as number
            from pg_temp.staged_groups window same as (partition by coalesce('dn:' || import_key, folded) order by place)
        ) as staged where number > 1
        """,
        _REMOVE_GROUPS,
    ),
    (
        """
        select place, line, format('the directory has several groups named %s', display_name) as reason
        from pg_temp.staged_groups as staged
        where group_id is null and import_key is null and exists (
            select from directory.groups as known
            where known.display_name_folded = staged.folded and known.deleted_at is null
        )
        """,
        _REMOVE_GROUPS,
    ),
)

IDENTIFY = (
    "update pg_temp.staged_people set user_id = uuidv7(), is_new = true where user_id is null",
    "update pg_temp.staged_groups set group_id = uuidv7(), is_new = true where group_id is null",
    """
    insert into pg_temp.staged_references (ref)
    select manager from pg_temp.staged_people where manager <> ''
    union select group_ref from pg_temp.staged_members
    union select member_ref from pg_temp.staged_members
    """,
    "analyze pg_temp.staged_references",
    """
    update pg_temp.staged_references as wanted set kind = 'User', id = staged.user_id
    from pg_temp.staged_people as staged where wanted.ref = 'upn:' || staged.folded
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'User', id = staged.user_id
    from pg_temp.staged_people as staged where wanted.id is null and wanted.ref = 'dn:' || staged.import_key
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'Group', id = staged.group_id
    from pg_temp.staged_groups as staged where wanted.id is null and wanted.ref = 'dn:' || staged.import_key
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'Group', id = staged.group_id
    from pg_temp.staged_groups as staged where wanted.id is null and wanted.ref = 'group:' || staged.folded
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'User', id = person.id from directory.users as person
    where wanted.id is null and starts_with(wanted.ref, 'upn:')
      and person.user_principal_name_folded = substr(wanted.ref, 5) and person.deleted_at is null
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'User', id = person.id from directory.users as person
    where wanted.id is null and starts_with(wanted.ref, 'dn:')
      and person.import_key = substr(wanted.ref, 4) and person.deleted_at is null
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'Group', id = known.id from directory.groups as known
    where wanted.id is null and starts_with(wanted.ref, 'dn:')
      and known.import_key = substr(wanted.ref, 4) and known.deleted_at is null
    """,
    """
    update pg_temp.staged_references as wanted set kind = 'Group', id = known.id from (
        select min(id::text)::uuid as id, display_name_folded from directory.groups
        where deleted_at is null group by display_name_folded having count(*) = 1
    ) as known
    where wanted.id is null and starts_with(wanted.ref, 'group:') and known.display_name_folded = substr(wanted.ref, 7)
    """,
    """
    update pg_temp.staged_people as staged set manager_id = wanted.id
    from pg_temp.staged_references as wanted where wanted.ref = staged.manager and wanted.kind = 'User'
    """,
    """
    update pg_temp.staged_members as staged
    set group_id = holder.id, member_id = member.id, member_kind = member.kind
    from pg_temp.staged_references as holder, pg_temp.staged_references as member
    where holder.ref = staged.group_ref and holder.kind = 'Group' and member.ref = staged.member_ref
    """,
)

_NAMED = "regexp_replace({}, '^(upn|dn|group):', '')"
BAD_TIES = (
    (
        f"""
        select place, line,
               format('the manager %s is neither in the file nor in the directory', {_NAMED.format("manager")}) as reason
        from pg_temp.staged_people where manager <> '' and manager_id is null
        """,
        "update pg_temp.staged_people set manager = null where place = any(%s)",
    ),
    (
        f"""
        select place, line,
               case when group_id is null then format('the group %s can''t be imported', {_NAMED.format("group_ref")})
               else format('the member %s is neither in the file nor in the directory', {_NAMED.format("member_ref")})
               end as reason
        from pg_temp.staged_members where group_id is null or member_id is null
        """,
        _REMOVE_MEMBERS,
    ),
    (
        """
        select place, line, 'the group is named as a member of itself' as reason
        from pg_temp.staged_members where group_id = member_id
        """,
        _REMOVE_MEMBERS,
    ),
)
OWN_MANAGERS = """
    update pg_temp.staged_people set manager = null, manager_id = null where manager_id = user_id
    returning line, name
"""

COUNT_PEOPLE = "select count(*) from pg_temp.staged_people"
COUNT_GROUPS = "select count(*) from pg_temp.staged_groups"

INSERT_PEOPLE = """
    with made as (
        insert into directory.users (id, user_principal_name, user_principal_name_folded, display_name,
                                     account_enabled, manager_id, import_key, attributes)
        select user_id, name, folded,
               coalesce(
                   display_name,
                   nullif(concat_ws(' ', attributes ->> 'givenName', attributes ->> 'surname'), ''),
                   split_part(name, '@', 1)
               ),
               coalesce(account_enabled, true), manager_id, import_key, jsonb_strip_nulls(attributes)
        from pg_temp.staged_people where is_new order by place
        returning id
    )
    insert into directory.changes (kind, object_id, operation) select 'user', id, 'create' from made
"""
UPDATE_PEOPLE = """
    with wanted as (
        select staged.user_id, staged.name, staged.folded,
               coalesce(staged.display_name, person.display_name) as display_name,
               coalesce(staged.account_enabled, person.account_enabled) as account_enabled,
               case when staged.manager = '' then null else coalesce(staged.manager_id, person.manager_id) end as manager_id,
               coalesce(staged.import_key, person.import_key) as import_key,
               jsonb_strip_nulls(
                   person.attributes || staged.attributes
                   -- Of the fifteen extension attributes, too, those that are not named stay.
                   || case jsonb_typeof(staged.attributes -> 'onPremisesExtensionAttributes')
                          when 'object' then jsonb_build_object(
                              'onPremisesExtensionAttributes',
                              coalesce(person.attributes -> 'onPremisesExtensionAttributes', '{}')
                                  || (staged.attributes -> 'onPremisesExtensionAttributes')
                          )
                          else '{}'
                      end
               ) as attributes
        from pg_temp.staged_people as staged join directory.users as person on person.id = staged.user_id
        where not staged.is_new
    ), changed as (
        update directory.users as person set user_principal_name = wanted.name,
            user_principal_name_folded = wanted.folded, display_name = wanted.display_name,
            account_enabled = wanted.account_enabled, manager_id = wanted.manager_id,
            import_key = wanted.import_key, attributes = wanted.attributes,
            modified = now(), version = version + 1
        from wanted
        where person.id = wanted.user_id
          and (person.user_principal_name, person.display_name, person.account_enabled, person.manager_id,
               person.import_key, person.attributes)
              is distinct from
              (wanted.name, wanted.display_name, wanted.account_enabled, wanted.manager_id,
               wanted.import_key, wanted.attributes)
        returning person.id
    )
    insert into directory.changes (kind, object_id, operation) select 'user', id, 'update' from changed
"""
INSERT_GROUPS = """
    with made as (
        insert into directory.groups (id, display_name, display_name_folded, import_key, attributes)
        select group_id, display_name, folded, import_key,
               jsonb_strip_nulls('{"mailEnabled": false, "securityEnabled": true}' || attributes)
        from pg_temp.staged_groups where is_new order by place
        returning id
    )
    insert into directory.changes (kind, object_id, operation) select 'group', id, 'create' from made
"""
UPDATE_GROUPS = """
    with wanted as (
        select staged.group_id, staged.display_name, staged.folded,
               coalesce(staged.import_key, known.import_key) as import_key,
               jsonb_strip_nulls(known.attributes || staged.attributes) as attributes
        from pg_temp.staged_groups as staged join directory.groups as known on known.id = staged.group_id
        where not staged.is_new and not staged.is_mere_name
    ), changed as (
        update directory.groups as known set display_name = wanted.display_name, display_name_folded = wanted.folded,
            import_key = wanted.import_key, attributes = wanted.attributes, modified = now(), version = version + 1
        from wanted
        where known.id = wanted.group_id
          and (known.display_name, known.import_key, known.attributes)
              is distinct from (wanted.display_name, wanted.import_key, wanted.attributes)
        returning known.id
    )
    insert into directory.changes (kind, object_id, operation) select 'group', id, 'update' from changed
"""
INSERT_MEMBERS = """
    with added as (
        insert into directory.memberships (group_id, member_id, member_kind)
        select distinct on (group_id, member_id) group_id, member_id, member_kind
        from pg_temp.staged_members order by group_id, member_id
        on conflict do nothing
        returning group_id, member_id, member_kind
    )
    insert into directory.changes (kind, object_id, other_id, other_kind, operation)
    select 'membership', group_id, member_id, member_kind, 'add' from added
"""
ASSIGN = """
    with added as (
        insert into directory.assignments (service_principal_id, principal_id, principal_kind)
        select %(application)s, user_id, 'User' from pg_temp.staged_people
        union all
        select %(application)s, staged.group_id, 'Group'
        from pg_temp.staged_groups as staged join directory.groups as known on known.id = staged.group_id
        where known.attributes -> 'securityEnabled' is distinct from 'false'
        on conflict do nothing
        returning service_principal_id, principal_id, principal_kind
    )
    insert into directory.changes (kind, object_id, other_id, other_kind, operation)
    select 'assignment', service_principal_id, principal_id, principal_kind, 'add' from added
"""
REFRESH_STATISTICS = (
    "analyze directory.users, directory.groups, directory.memberships, directory.assignments, directory.changes"
)

"""An expression is tried with what the directory holds of a person."""

from __future__ import annotations

from uuid import UUID

from rollcall import directory
from rollcall.directory import AppRole
from rollcall.provisioning import attributes_for, compile_expression, trial_context
from rollcall.runtime import SystemRuntime
from tests.provisioning.world import World


async def test_roles_are_those_in_the_application(world: World) -> None:
    """4.2: a role function reads what the person is assigned in, there and nowhere else."""
    role = AppRole(UUID(int=5), "Editor", "editor")
    application = await world.db.write(directory.create_service_principal, "Roles", app_roles=[role])
    ada = await world.user("ada", accountEnabled=False)
    await world.db.write(directory.assign, application, ada, role.id)
    count = compile_expression("Count([appRoleAssignments])")
    single = compile_expression("IsPresent([appRoleAssignments])")

    inside = await attributes_for(world.db, application, ada)
    elsewhere = await attributes_for(world.db, world.application, ada)

    context = trial_context(SystemRuntime())
    assert (count.evaluate(inside, context), single.evaluate(elsewhere, context)) == (1, False)
    assert inside["appRoleAssignments"] == [{"id": str(role.id), "value": "editor", "displayName": "Editor"}]
    assert inside["IsSoftDeleted"] is True, "blocked"

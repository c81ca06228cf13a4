import asyncio, sys
from tests.simulation.test_plans import *
async def main(seed):
    world = await grown(seed)
    print({k:(v['userName']) for k,v in world.target.resources['User'].items()})
    links = await world.ledger.known(list(world.source.entries))
    for k,l in links.items():
        if k.id in('U009','U005','U010','U014'): print(k, l.state, l.target_id, l.escrow, l.intent_matching)
    print(world.target.capabilities, world.settings)
    n=len(world.target.requests)
    planned = await plan_cycle(road_of(world, world.ledger))
    print(world.target.requests[n:])
    n=len(world.target.requests)
    gate = Witness(planned)
    r = await run_cycle(replace(road_of(world, world.ledger), gate=gate, given=planned.given))
    print(world.target.requests[n:])
asyncio.run(main(165))
print('-----')
async def main2(seed):
    from rollcall.provisioning.connectors.fake import FakeTarget
    orig=FakeTarget.find
    async def find(self,kind,attribute,value):
        a=await orig(self,kind,attribute,value); print('  find',kind,attribute,value,[r['id'] for r in a.resources] if hasattr(a,'resources') else a); return a
    FakeTarget.find=find
    from rollcall.provisioning import looking, page
    o=looking.look
    async def look(road, considered, known, **k):
        items=await o(road, considered, known, **k)
        for i in items:
            if i.desired.key.id=='U009': print('   item', i.known.state, i.known.intent_matching, i.link.state, i.link.target_id, i.problem, i.desired.matching)
        return items
    looking.look=look
    world = await grown(seed)
    print("PLAN")
    planned = await plan_cycle(road_of(world, world.ledger))
    print("CYCLE")
    gate = Witness(planned)
    r = await run_cycle(replace(road_of(world, world.ledger), gate=gate, given=planned.given))
asyncio.run(main2(165))

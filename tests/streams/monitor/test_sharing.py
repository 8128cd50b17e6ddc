"""What monitors share follows from the log; losing it loses nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from alerts.alarm import ENDED, AlarmChange
from alerts.holds import Held
from streams.alarm_messages import AlarmNews
from streams.bus.partitions import partition_of
from streams.live_state import Snapshot
from streams.live_state.memory import MemoryState
from streams.live_state.redis import RedisState
from streams.monitor.alarm_log import AlarmLog
from streams.monitor.sharing import Sharing
from tests.servers.process import free_port
from tests.servers.redis import redis
from tests.streams.test_messages import AN_ALARM, QUIET

N_PARTITIONS = 4
HERE = partition_of(AN_ALARM.participant, N_PARTITIONS)
OTHER = replace(AN_ALARM, id="aQ")
HELD = Held(AN_ALARM.participant, (), (QUIET,))


class Desk:
    """One monitor's log and what it shares."""

    def __init__(self, state, name="east"):
        self.log = AlarmLog()
        self.sharing = Sharing(state, name, N_PARTITIONS)
        self.offset = 0

    async def read(self, *alarms, held=()):
        changes = [AlarmChange("revised", alarm.t_ns, alarm) for alarm in alarms]
        new = self.log.take(AlarmNews(0, changes, held))
        self.offset += 1
        self.sharing.note(new, held)
        await self.sharing.share(self.log, {HERE: self.offset}, "")


def test_another_monitor_begins_where_this_one_is():
    async def body():
        state = MemoryState()
        east, west = Desk(state), Desk(state, "west")
        await east.read(AN_ALARM, held=[HELD])
        await east.read(OTHER)
        known = await west.sharing.snapshots()
        assert known == {HERE: Snapshot(2, [AN_ALARM, OTHER], [HELD])}
        west.offset = 2
        west.log.begin(known[HERE].alarms, known[HERE].held)
        west.sharing.begin({HERE: 2})
        await west.read(replace(OTHER, state=ENDED, revision=9), held=[Held(HELD.participant)])
        assert await state.snapshots() == {HERE: Snapshot(3, [AN_ALARM], [])}
        assert set(west.sharing.others) == {"east", "west"}
        await west.sharing.close()
        assert set(await state.present()) == {"east"}

    asyncio.run(body())


def test_what_is_lost_is_put_there_again_as_a_whole(tmp_path):
    from redis import Redis

    async def body(url):
        east, state = Desk(RedisState(url)), RedisState(url)
        await east.read(AN_ALARM, held=[HELD])
        with Redis.from_url(url) as raw:
            raw.flushall()
        await east.sharing.share(east.log, {HERE: east.offset}, "")  # no news is needed for it
        assert await state.snapshots() == {HERE: Snapshot(1, [AN_ALARM], [HELD])}
        await state.close()
        await east.sharing.close()

    with redis(tmp_path) as url:
        asyncio.run(body(url))


def test_without_a_live_state_a_monitor_goes_on_and_says_so():
    async def body():
        east = Desk(RedisState(f"redis://127.0.0.1:{free_port()}/0"))
        assert await east.sharing.snapshots() == {}
        await east.read(AN_ALARM)
        await east.sharing.tell(kind="acknowledge", alarm=AN_ALARM.id)
        assert "nothing is shared" in east.sharing.problem
        # When it is there again, what was read meanwhile is in it.
        state = east.sharing._state = MemoryState()
        await east.read(OTHER)
        assert east.sharing.problem == ""
        assert (await state.snapshots())[HERE].alarms == [AN_ALARM, OTHER]

    asyncio.run(body())


def test_what_one_tells_the_others_hear_and_not_itself():
    async def body():
        state = MemoryState()
        east, west = Desk(state), Desk(state, "west")
        heard = {"east": [], "west": []}
        listening = [
            asyncio.create_task(desk.sharing.hear(heard[name].append))
            for name, desk in (("east", east), ("west", west))
        ]
        await asyncio.sleep(0)  # both listen
        await state.tell("no message")
        await east.sharing.tell(kind="acknowledge", alarm="a1")
        await asyncio.sleep(0.05)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        return heard

    heard = asyncio.run(body())
    assert heard == {
        "east": [],
        "west": [{"from": "east", "kind": "acknowledge", "alarm": "a1"}],
    }

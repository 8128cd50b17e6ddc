"""Live state on Redis.

::

    vitals:offset:P    offset of vitals.alarms, partition P, up to which the next one is
    vitals:open:P      hash: "a" and alarm id, "h" and participant -> wire form of alarms
    vitals:monitor:N   what a monitor says of itself; expires
    vitals:told        channel

Scripts change the first two together, so a reader and two writers see one state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from alerts.alarm import ENDED, AlarmChange
from processors.errors import InputError
from streams.alarm_messages import AlarmNews, decode_alarms, encode_alarms
from streams.live_state import LiveStateError, Snapshot

CALL_S: Final = 2.0  # an answer that takes longer is none; nothing waits for Redis
_OFFSET, _OPEN, _MONITOR, _TOLD = (
    "vitals:offset:", "vitals:open:", "vitals:monitor:", "vitals:told",
)  # fmt: skip

_CHANGE: Final = """
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i])
  else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
_ADVANCE: Final = f"""
local at = redis.call('GET', KEYS[1])
if not at or tonumber(at) < tonumber(ARGV[1]) then return 0 end
if tonumber(at) >= tonumber(ARGV[2]) then return 1 end
{_CHANGE}"""
_REPLACE: Final = f"""
local at = redis.call('GET', KEYS[1])
if at and tonumber(at) >= tonumber(ARGV[2]) then return 1 end
redis.call('DEL', KEYS[2])
{_CHANGE}"""


class RedisState:
    """A Redis server.

    Parameters
    ----------
    url
        ``redis://host:port/database``.
    password
        Empty: as the URL says.
    """

    def __init__(self, url: str, password: str = "") -> None:
        secret: dict[str, Any] = {"password": password} if password else {}
        self._redis: Any = Redis.from_url(
            url, socket_timeout=CALL_S, socket_connect_timeout=CALL_S, **secret
        )
        # Without what may be secret in the address.
        self._where = "redis " + url.rpartition("@")[2].removeprefix("redis://")

    async def advance(self, partition: int, first: int, now: Snapshot) -> bool:
        return bool(await self._change(_ADVANCE, partition, first, now))

    async def replace(self, partition: int, whole: Snapshot) -> None:
        await self._change(_REPLACE, partition, 0, whole)

    async def snapshots(self) -> dict[int, Snapshot]:
        with self._faults():
            keys = [key async for key in self._redis.scan_iter(match=f"{_OFFSET}*")]
            found = {}
            for key in keys:
                partition = int(key.decode().removeprefix(_OFFSET))
                pipe = self._redis.pipeline(transaction=True)
                pipe.get(key)
                pipe.hgetall(f"{_OPEN}{partition}")
                offset, fields = await pipe.execute()
                if offset is not None:
                    found[partition] = self._snapshot(int(offset), list(fields.values()))
        return found

    async def forget(self, partition: int) -> None:
        with self._faults():
            await self._redis.delete(f"{_OFFSET}{partition}", f"{_OPEN}{partition}")

    async def appear(self, name: str, about: str, for_s: float) -> None:
        with self._faults():
            await self._redis.set(f"{_MONITOR}{name}", about, px=round(1000 * for_s))

    async def leave(self, name: str) -> None:
        with self._faults():
            await self._redis.delete(f"{_MONITOR}{name}")

    async def present(self) -> dict[str, str]:
        with self._faults():
            keys = [key async for key in self._redis.scan_iter(match=f"{_MONITOR}*")]
            values = await self._redis.mget(keys) if keys else []
        return {
            key.decode().removeprefix(_MONITOR): value.decode()
            for key, value in zip(keys, values, strict=True)
            if value is not None
        }

    async def tell(self, text: str) -> None:
        with self._faults():
            await self._redis.publish(_TOLD, text)

    async def listen(self) -> RedisListener:
        channel = self._redis.pubsub(ignore_subscribe_messages=True)
        with self._faults():
            await channel.subscribe(_TOLD)
            # Its answer: from here on nothing is missed.
            await channel.get_message(timeout=CALL_S)
        return RedisListener(channel, self._faults)

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _change(self, script: str, partition: int, first: int, now: Snapshot) -> int:
        fields: list[str | bytes] = []
        for alarm in now.alarms:
            change = AlarmChange("restored", alarm.t_ns, alarm)
            value = b"" if alarm.state == ENDED else encode_alarms(AlarmNews(0, [change]))
            fields += [f"a{alarm.id}", value]
        for held in now.held:
            value = encode_alarms(AlarmNews(0, held=[held])) if held.any else b""
            fields += [f"h{held.participant}", value]
        keys = f"{_OFFSET}{partition}", f"{_OPEN}{partition}"
        with self._faults():
            done: int = await self._redis.eval(script, 2, *keys, first, now.offset, *fields)
        return done

    def _snapshot(self, offset: int, values: Sequence[bytes]) -> Snapshot:
        try:
            news = [decode_alarms(value) for value in values]
        except InputError as error:  # of another version: as if nothing were here
            raise LiveStateError(self._where, str(error)) from error
        return Snapshot(
            offset,
            [change.alarm for one in news for change in one.changes],
            [held for one in news for held in one.held],
        )

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError, TimeoutError) as error:
            raise LiveStateError(self._where, str(error) or type(error).__name__) from error


class RedisListener:
    """Listens to the channel."""

    def __init__(self, channel: Any, faults: Any) -> None:
        self._channel = channel
        self._faults = faults

    async def heard(self, timeout_s: float) -> list[str]:
        with self._faults():
            first = await self._channel.get_message(timeout=timeout_s)
            found = [] if first is None else [first]
            while first is not None and (more := await self._channel.get_message()) is not None:
                found.append(more)
        return [message["data"].decode() for message in found]

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._channel.aclose()

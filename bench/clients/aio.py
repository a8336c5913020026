"""aiohttp, or httpx, with tenacity, on asyncio (or uvloop).

    aio.py aiohttp|aiohttp-uvloop|httpx SCENARIO BASE N PARALLEL [X] [Y]
"""
import asyncio
import os
import ssl
import sys
import time

import tenacity

library, scenario, base = sys.argv[1:4]
total, parallel, x, y = (int(n) for n in (sys.argv[4:] + ["0", "0"])[:4])
ok = 0
pause = 0.0


class Busy(Exception):
    """A 503, and what it said."""

    def __init__(self, after):
        super().__init__("503")
        self.after = after


backoff = tenacity.wait_exponential(multiplier=0.001, min=0.001)


def wait(state):
    after = getattr(state.outcome.exception(), "after", None)
    return float(after) if after else backoff(state)


def persistent(get):
    return tenacity.retry(
        retry=tenacity.retry_if_exception_type(Busy),
        stop=tenacity.stop_after_attempt(5), wait=wait, reraise=True)(get)


def context():
    ca = os.environ.get("CA")
    return ssl.create_default_context(cafile=ca) if ca else None


async def with_aiohttp(run):
    import aiohttp
    connector = aiohttp.TCPConnector(limit=parallel, ssl=context())
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector,
                                     timeout=timeout) as session:
        @persistent
        async def get(path):
            async with session.get(base + path) as res:
                await res.read()
                if res.status == 503:
                    raise Busy(res.headers.get("retry-after"))
                return res.status
        await run(get)


async def with_httpx(run):
    import httpx
    limits = httpx.Limits(max_connections=parallel,
                          max_keepalive_connections=parallel)
    async with httpx.AsyncClient(limits=limits, timeout=None,
                                 verify=context() or True) as client:
        @persistent
        async def get(path):
            res = await client.get(base + path)
            if res.status_code == 503:
                raise Busy(res.headers.get("retry-after"))
            return res.status_code
        await run(get)


async def fetch(get, path):
    global ok
    if await get(path) == 200:
        ok += 1


async def many(workers, fn):
    numbers = iter(range(total))

    async def work():
        for i in numbers:
            await fn(i)
    await asyncio.gather(*(work() for _ in range(workers)))


async def beat():
    global pause
    before = time.monotonic()
    while True:
        await asyncio.sleep(0.01)
        moment = time.monotonic()
        pause = max(pause, moment - before - 0.01)
        before = moment


async def run(get):
    began = time.monotonic()

    async def paced(i):
        await asyncio.sleep(began + i / y - time.monotonic())
        await fetch(get, f"/storm/{i}?k=1&after={x}")

    if scenario == "throughput":
        await many(parallel, lambda i: fetch(get, "/bytes/1024"))
    elif scenario == "storm":
        await many(parallel, lambda i: fetch(get, f"/storm/{i}?k=2"))
    elif scenario == "waiting":
        pulse = asyncio.create_task(beat() if y else asyncio.sleep(0))
        await many(total, lambda i: fetch(get, f"/storm/{i}?k=1&after={x}"))
        pulse.cancel()
    elif scenario == "paced":
        await many(total, paced)


if library == "aiohttp-uvloop":
    import uvloop
    uvloop.install()
asyncio.run((with_httpx if library == "httpx" else with_aiohttp)(run))
print(f"ok {ok} pause_us {pause * 1e6:.0f}")

"""persist-queue: a queue in SQLite, worked off by threads.

    persist.py batch BASE N PARALLEL

What is printed is of the work alone: adding the jobs is left out.
"""

import shutil
import sys
import tempfile
import threading
import time

import persistqueue
import urllib3

base, total, parallel = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
folder = tempfile.mkdtemp(prefix="lull-bench-")
pool = urllib3.PoolManager(maxsize=parallel)
queue = persistqueue.SQLiteAckQueue(folder, multithreading=True)
for i in range(total):
    queue.put(f"item{i:08d}")


def post(item):
    answer = pool.request(
        "POST",
        f"{base}/bytes/2?{item}",
        body=item,
        headers={"Idempotency-Key": item},
    )
    if answer.status != 200:
        raise RuntimeError(answer.status)


def work():
    while True:
        try:
            item = queue.get(block=False)
        except persistqueue.Empty:
            return
        post(item)
        queue.ack(item)


cpu, wall = time.process_time(), time.monotonic()
threads = [threading.Thread(target=work) for _ in range(parallel)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
cpu, wall = time.process_time() - cpu, time.monotonic() - wall
print(f"ok {queue.acked_count()} work_us {cpu * 1e6:.0f} work_wall_us {wall * 1e6:.0f}")
shutil.rmtree(folder)

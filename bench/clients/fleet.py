"""rq and celery: queues of jobs in Redis, each a keyed POST.

  fleet.py rq-add|celery-add BASE N
  fleet.py rq-work BASE N              one worker, as `rq worker --burst`
  fleet.py celery-work BASE N WORKERS  `celery worker --concurrency WORKERS`

REDIS=port. What is printed is of the work alone."""
import os
import resource
import sys
import threading
import time

import redis
import urllib3

PORT = int(os.environ["REDIS"])
URL = "redis://127.0.0.1:%d/0" % PORT
what, base, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
pool = urllib3.PoolManager(maxsize=64)
sys.modules.setdefault("fleet", sys.modules["__main__"])


def post(base, i):
    """The job: a POST with a key."""
    answer = pool.request("POST", "%s/bytes/2?%d" % (base, i), body=b"item",
                          headers={"Idempotency-Key": "item%08d" % i})
    if answer.status != 200:
        raise RuntimeError("status %d" % answer.status)
    return answer.status


post.__module__ = "fleet"


def celery_app():
    from celery import Celery
    app = Celery("fleet", broker=URL, backend=URL)
    app.conf.update(task_acks_late=True, worker_prefetch_multiplier=16,
                    broker_connection_retry_on_startup=True)
    return app, app.task(name="fleet.post")(post)


def used():
    own = resource.getrusage(resource.RUSAGE_SELF)
    old = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in (own, old))


def celery_work(workers):
    """Until the results of all are there; then the worker is told to end."""
    app, _ = celery_app()
    server = redis.Redis(port=PORT)
    began = time.monotonic()
    done = {}

    def all_there():
        # Keys of its own are there before the first result.
        return server.dbsize() >= total and total <= sum(
            1 for _ in server.scan_iter("celery-task-meta-*", count=1000))

    def watch():
        while not all_there():
            time.sleep(0.02)
        done["wall"] = time.monotonic() - began
        os.kill(os.getpid(), 15)

    threading.Thread(target=watch, daemon=True).start()
    try:
        app.worker_main(["worker", "--concurrency", str(workers), "--loglevel",
                         "ERROR", "--without-gossip", "--without-mingle",
                         "--without-heartbeat"])
    except SystemExit:
        pass
    print("ok %d work_us %d work_wall_us %d" %
          (total, used() * 1e6, done["wall"] * 1e6))


if what == "rq-add":
    from rq import Queue
    queue = Queue(connection=redis.Redis(port=PORT))
    for n in range(total):
        queue.enqueue("fleet.post", base, n)
elif what == "rq-work":
    from rq import Queue, Worker
    connection = redis.Redis(port=PORT)
    Worker([Queue(connection=connection)], connection=connection).work(
        burst=True, logging_level="ERROR")
elif what == "celery-add":
    task = celery_app()[1]
    for n in range(total):
        task.delay(base, n)
elif what == "celery-work":
    celery_work(int(sys.argv[4]))

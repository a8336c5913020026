"""urllib3's Retry, in threads.

    threads.py urllib3 SCENARIO BASE N PARALLEL
"""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import urllib3

_, scenario, base = sys.argv[1:4]
total, parallel = int(sys.argv[4]), int(sys.argv[5])
retry = urllib3.Retry(total=4, status_forcelist=[503], backoff_factor=0.001)
pool = urllib3.PoolManager(maxsize=parallel, block=True, retries=retry,
                           ca_certs=os.environ.get("CA"))


def get(i):
    path = "/bytes/1024" if scenario == "throughput" else f"/storm/{i}?k=2"
    return pool.request("GET", base + path).status == 200


with ThreadPoolExecutor(parallel) as executor:
    print("ok", sum(executor.map(get, range(total))))

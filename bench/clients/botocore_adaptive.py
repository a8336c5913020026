# GETs the URLs of a file, eight at once, with botocore's adaptive retry mode:
# each path is an object of a bucket, the server is the endpoint.
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config

urls = open(sys.argv[1]).read().split()
one = urlsplit(urls[0])
client = botocore.session.get_session().create_client(
    "s3", region_name="us-east-1", endpoint_url=f"{one.scheme}://{one.netloc}",
    aws_access_key_id="a", aws_secret_access_key="b",
    config=Config(retries={"mode": "adaptive", "total_max_attempts": 6},
                  s3={"addressing_style": "path"}, max_pool_connections=8))


def get(url):
    try:
        client.get_object(Bucket="bucket", Key=urlsplit(url).path[1:])
    except Exception:
        pass


with ThreadPoolExecutor(8) as pool:
    list(pool.map(get, urls))

"""Celery's worker: read the original, resize, store the variants, report over HTTP, ack."""
import json
import os
import urllib.request

from celery import Celery
from pillow_resize import three_sizes

DATA = os.environ["BENCH_DATA_DIR"]
REPORT_URL = os.environ["BENCH_REPORT_URL"]

app = Celery("bench", broker=os.environ["AMQP_URL"])
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@app.task(name="resize")
def resize(image_id, source):
    with open(os.path.join(DATA, source), "rb") as file:
        variants = three_sizes(file.read())
    target = os.path.join(DATA, "celery", image_id)
    os.makedirs(target, exist_ok=True)
    for name, data in variants.items():
        with open(os.path.join(target, name), "wb") as file:
            file.write(data)
    body = json.dumps({"imageId": image_id}).encode()
    request = urllib.request.Request(
        REPORT_URL, body, {"content-type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=5).close()

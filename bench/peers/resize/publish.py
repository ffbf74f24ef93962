"""Queues the tasks: python3 publish.py <count> <source>"""
import sys
import uuid

from tasks import resize

for _ in range(int(sys.argv[1])):
    resize.delay(str(uuid.uuid4()), sys.argv[2])

"""CPU time per image: python3 pillow_cpu.py <photo>"""
import json
import sys
import time

from pillow_resize import one_small, three_sizes

WARM_UP = 2
IMAGES = 8


def measure(action):
    for _ in range(WARM_UP):
        action()
    before = time.process_time()
    for _ in range(IMAGES):
        action()
    return (time.process_time() - before) * 1000 / IMAGES


with open(sys.argv[1], "rb") as file:
    photo = file.read()
print(json.dumps({
    "threeSizesMs": measure(lambda: three_sizes(photo)),
    "oneSmallMs": measure(lambda: one_small(photo, False)),
    "oneSmallDraftMs": measure(lambda: one_small(photo, True)),
}))

"""Writes seeds for the fuzzers: what CPython's managers and their clients send each other while
transcript.py runs.

    seeds.py DIRECTORY        makes DIRECTORY/pickle, call and message
"""

import multiprocessing.connection as connection
import os
import pickle
import runpy
import sys

directory = sys.argv[1]
for name in ("pickle", "call", "message"):
    os.makedirs(os.path.join(directory, name), exist_ok=True)
seen = set()


def keep(kind, data):
    if (kind, data) in seen or len(data) > 4096:
        return
    seen.add((kind, data))
    with open(os.path.join(directory, kind, f"{len(seen):04}"), "wb") as file:
        file.write(data)


TYPES = "dict list Namespace Queue JoinableQueue Value Array Lock RLock Semaphore".split()
send, recv = connection.Connection.send, connection.Connection._recv_bytes


def sending(self, obj):
    data = bytes(connection._ForkingPickler.dumps(obj))
    keep("pickle", data)
    keep("message", len(data).to_bytes(4, "big") + data)
    if isinstance(obj, tuple) and len(obj) == 4 and obj[0] is not None:
        call = pickle.dumps(obj[1:], 4)
        for i in range(14):
            keep("call", bytes([i]) + call)
    return send(self, obj)


def receiving(self, maxsize=None):
    buffer = recv(self, maxsize)
    keep("pickle", buffer.getvalue())
    return buffer


connection.Connection.send = sending
connection.Connection._recv_bytes = receiving
script = os.path.join(os.path.dirname(__file__), "..", "remote", "transcript.py")
sys.argv = [script, "cpython"]
sys.stdout = open(os.devnull, "w")
runpy.run_path(script, run_name="__main__")

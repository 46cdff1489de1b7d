"""What a Python program pays for a manager's server, CPython's or another: ns for one.

    remote_peer.py WHAT cpython|ADDRESS KEY COUNT

get      of a dict, by one client
clients  the same by sixteen at a time, from one answer to the next, whoever's
queue    a message through a Queue, from one process to another
connect  a new connection, and a first request on it
"""

import sys
import time
from multiprocessing import get_context, current_process
from multiprocessing.connection import Client
from multiprocessing.managers import SyncManager, dispatch

context = get_context("fork")
what, server, key, count = sys.argv[1], sys.argv[2], sys.argv[3].encode(), int(sys.argv[4])
current_process().authkey = key


def own_server(tcp):
    m = SyncManager(("127.0.0.1", 0) if tcp else None, key, ctx=context)
    m.start()
    return m


def address_of(text):
    if text.startswith("@"):
        return "\0" + text[1:]  # abstract
    host, colon, port = text.rpartition(":")
    return (host, int(port)) if colon and "/" not in text else text


if server == "cpython":
    m = own_server(what == "connect")
else:
    m = SyncManager(address_of(server), key)
    m.connect()


def connected():
    other = SyncManager(m.address, key)
    other.connect()
    return other


def get():
    d = m.dict({"k": 1})
    for _ in range(100):
        d["k"]
    begin = time.perf_counter_ns()
    for _ in range(count):
        d["k"]
    return (time.perf_counter_ns() - begin) / count


def together(bodies):
    """Seconds from when all have begun until all are done."""
    start, done = context.Barrier(len(bodies) + 1), context.Barrier(len(bodies) + 1)

    def child(body):
        ready = body()
        start.wait()
        ready()
        done.wait()

    children = [context.Process(target=child, args=(body,), daemon=True) for body in bodies]
    for c in children:
        c.start()
    start.wait()
    begin = time.perf_counter_ns()
    done.wait()
    took = time.perf_counter_ns() - begin
    for c in children:
        c.join()
    return took


def clients():
    n = 16
    d = m.dict({"k": 1})

    def body():
        d["k"]

        def ready():
            for _ in range(count // n):
                d["k"]

        return ready

    return together([body] * n) / (count // n * n)


def queue():
    q = m.Queue()

    def puts():
        q.qsize()

        def ready():
            for i in range(count):
                q.put(i)

        return ready

    def gets():
        q.qsize()

        def ready():
            for i in range(count):
                q.get()

        return ready

    return together([puts, gets]) / count


def connect():
    begin = time.perf_counter_ns()
    for _ in range(count):
        c = Client(m.address, authkey=key)
        dispatch(c, None, "dummy")
        c.close()
    return (time.perf_counter_ns() - begin) / count


print(globals()[what]())

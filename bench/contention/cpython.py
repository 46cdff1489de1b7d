"""CPython's own multiprocessing, run live beside the C++ strategies.

cpython.cpp starts this with its board's descriptor and the layout of the board; the phases, the
window and the figures are the parent's, the same as for everyone else. Here are only the children:
forked by CPython, each doing its operation the way the multiprocessing documentation shows
(cpython_shared.py).
"""

import json
import mmap
import os
import sys
import time
from multiprocessing.connection import wait

import cpython_shared

GATHER, WARM_UP, MEASURE, STOP = range(4)


def pair_cost():
    clock = time.perf_counter_ns
    costs = []
    for _ in range(2001):
        begin = clock()
        costs.append(clock() - begin)
    return sorted(costs)[1000]


def operate_until_stopped(board, at, seat, task, cost):
    operate, intact, is_over = task.operate, task.intact, task.is_over
    words = memoryview(board).cast("Q")
    phases = memoryview(board).cast("I")
    phase = at["phase"] // 4
    base = (at["seats"] + seat * at["stride"]) // 8
    operations = base + at["operations"] // 8
    torn = base + at["torn"] // 8
    counts = base + at["counts"] // 8
    longest = base + at["longest"] // 8
    sub_bits, units, every = at["sub_bits"], at["units_per_ns"], at["every"]
    clock = time.perf_counter_ns
    done = 0

    def queued():
        try:
            with open("/proc/self/schedstat") as file:
                return int(file.read().split()[1])
        except OSError:
            return 0

    words[base + at["process"] // 8] = os.getpid()
    while phases[phase] == GATHER:
        time.sleep(0.0002)
    present_since, queued_before = clock(), queued()
    while True:
        done += 1
        if done % every:
            result = operate()
        else:
            begin = clock()
            result = operate()
            end = clock()
            if phases[phase] >= MEASURE:
                took = max(end - begin - cost, 0) * units
                shift = max(took.bit_length() - sub_bits - 1, 0)
                words[counts + (shift << sub_bits) + (took >> shift)] += 1
                if took > words[longest]:
                    words[longest] = took
        if intact and not intact(result):
            words[torn] += 1
        words[operations] = done
        if is_over(result) if is_over else phases[phase] == STOP:
            words[base + at["present"] // 8] = clock() - present_since
            words[base + at["queued"] // 8] = queued() - queued_before
            return


def sit(board, at, seat, shared, cost, parent):
    """What the child at that seat does, from its fork to its end."""
    cpython_shared.die_with_parent(parent)
    if at["pinned"]:
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[seat % len(processors)]})
    task = shared.task(seat)
    operate_until_stopped(board, at, seat, task, cost)
    if task.at_end:
        task.at_end()


def main():
    at = json.loads(sys.argv[1])
    board = mmap.mmap(at["descriptor"], at["size"])
    cost = pair_cost()
    shared = cpython_shared.BY_NAME[at["shared"]](at)

    running = {}
    for seat in range(at["seats_taken"]):
        child = cpython_shared.context.Process(
            target=sit, args=(board, at, seat, shared, cost, os.getpid()), daemon=True
        )
        child.start()
        running[child.sentinel] = child
    while running:
        for sentinel in wait(list(running)):
            child = running.pop(sentinel)
            child.join()
            if child.exitcode != 0:
                return 1  # the others are daemons: they end with this process

    words = memoryview(board).cast("Q")

    def word(seat, field):
        return (at["seats"] + seat * at["stride"] + at[field]) // 8

    done = [words[word(seat, "operations")] for seat in range(at["children"])]
    words[at["lost"] // 8] = int(shared.lost(done))
    words[word(0, "torn")] += shared.torn()
    return 0


if __name__ == "__main__":
    sys.exit(main())

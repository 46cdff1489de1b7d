"""CPython's own multiprocessing Value and Array, run live beside the C++ strategies.

contention.cpp starts this with its board's descriptor and the layout of the board; the phases, the
window and the figures are the parent's, the same as for everyone else. Here are only the children:
forked by CPython, each doing its operation the way the multiprocessing documentation shows.
"""

import ctypes
import json
import mmap
import os
import signal
import sys
import time
from multiprocessing import Array, Value

PR_SET_PDEATHSIG = 1
GATHER, WARM_UP, MEASURE, STOP = range(4)
libc = ctypes.CDLL(None)


def die_with_parent(parent):
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def increment(value):
    def operate():
        with value.get_lock():
            value.value += 1

    return operate, None


def increment_all(array):
    def operate():
        with array.get_lock():
            array[:] = [x + 1.0 for x in array[:]]

    return operate, None


def snapshot(array):
    def operate():
        return array[:]

    def intact(values):
        return values.count(values[0]) == len(values)

    return operate, intact


def fill(array):
    length = len(array)
    next_value = 0.0

    def operate():
        nonlocal next_value
        next_value += 1.0
        array[:] = [next_value] * length

    return operate, None


def pair_cost():
    clock = time.perf_counter_ns
    costs = []
    for _ in range(2001):
        begin = clock()
        costs.append(clock() - begin)
    return sorted(costs)[1000]


def operate_until_stopped(board, at, seat, operation, cost):
    operate, intact = operation
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
        if phases[phase] == STOP:
            words[base + at["present"] // 8] = clock() - present_since
            words[base + at["queued"] // 8] = queued() - queued_before
            return


def main():
    at = json.loads(sys.argv[1])
    workload, children, size = at["workload"], at["children"], at["doubles"]
    board = mmap.mmap(at["descriptor"], at["size"])
    cost = pair_cost()

    if workload == "counter":
        shared = Value("q", 0)
        roles = [increment(shared)] * children
    else:
        shared = Array("d", size)
        if workload == "update":
            roles = [increment_all(shared)] * children
        else:
            roles = [snapshot(shared)] * children + [fill(shared)]

    parent = os.getpid()
    processors = sorted(os.sched_getaffinity(0))
    for seat, role in enumerate(roles):
        if os.fork() == 0:
            code = 1
            try:
                die_with_parent(parent)
                if at["pinned"]:
                    os.sched_setaffinity(0, {processors[seat % len(processors)]})
                operate_until_stopped(board, at, seat, role, cost)
                code = 0
            finally:
                os._exit(code)
    failed = False
    for _ in roles:
        failed |= os.wait()[1] != 0

    words = memoryview(board).cast("Q")
    done = sum(
        words[(at["seats"] + seat * at["stride"] + at["operations"]) // 8]
        for seat in range(children)
    )
    if workload == "counter":
        words[at["lost"] // 8] = abs(done - shared.value)
    elif workload == "update":
        words[at["lost"] // 8] = int(max(abs(done - x) for x in shared[:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

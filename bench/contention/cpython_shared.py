"""What CPython's processes share, and what each does with it, as the multiprocessing documentation
shows it. Each class has

    task(seat)   what the child at that seat does; made in the child
    lost(done)   what the end result lacks, of the operations that each child has done
    torn()       values that are not whole at the end, where they are looked at again
"""

import ctypes
import os
import random
import signal
from multiprocessing import get_context
from typing import Callable, NamedTuple, Optional

context = get_context("fork")

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def die_with_parent(parent):
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Task(NamedTuple):
    operate: Callable
    intact: Optional[Callable] = None  # looks at what an operation brought
    is_over: Optional[Callable] = None  # by what it brought; else when the phase is STOP
    at_end: Optional[Callable] = None


def all_equal(values):
    return values.count(values[0]) == len(values)


class Shared:
    def __init__(self, at):
        self.operation = at["operation"]
        self.children = at["children"]
        self.doubles = at["doubles"]
        self.keys = at["keys"]

    def lost(self, done):
        return 0

    def torn(self):
        return 0


class SharedValue(Shared):
    def __init__(self, at):
        super().__init__(at)
        self.value = context.Value("q", 0)

    def task(self, seat):
        value = self.value

        def increment():
            with value.get_lock():
                value.value += 1

        return Task(increment)

    def lost(self, done):
        return abs(sum(done) - self.value.value)


ONE_UPDATE_OF = 20  # as in workload.hpp


class SharedArray(Shared):
    def __init__(self, at):
        super().__init__(at)
        self.array = context.Array("d", self.doubles)

    def task(self, seat):
        array = self.array
        length = len(array)
        next_value = 0.0

        def increment_all():
            with array.get_lock():
                array[:] = [x + 1.0 for x in array[:]]

        def snapshot():
            return array[:]

        def fill():
            nonlocal next_value
            next_value += 1.0
            array[:] = [next_value] * length

        count = seat % ONE_UPDATE_OF

        def read_or_update():
            nonlocal count
            count += 1
            if count % ONE_UPDATE_OF:
                return snapshot()
            return increment_all()

        def is_whole(copy):
            return copy is None or all_equal(copy)

        if self.operation == "update":
            return Task(increment_all)
        if self.operation == "mix":
            return Task(read_or_update, is_whole)
        return Task(snapshot, all_equal) if seat < self.children else Task(fill)

    def lost(self, done):
        if self.operation == "read":
            return 0
        if self.operation == "mix":
            done = [(n + i % ONE_UPDATE_OF) // ONE_UPDATE_OF for i, n in enumerate(done)]
        return max(abs(sum(done) - x) for x in self.array[:])


def start_manager():
    """Its server ends with this process, however that ends. The socket has an abstract address, or
    a server that is killed would leave it, and a directory, in /tmp."""
    from multiprocessing.managers import SyncManager

    manager = SyncManager("\0lagoon-bench-" + os.urandom(8).hex(), ctx=context)
    manager.start(die_with_parent, (os.getpid(),))
    return manager


def nth_key(i):
    """As in containers.hpp: each is another one, in no order."""
    key = (i + 1) * 0x9E3779B97F4A7C15 % 2**64
    return key - 2**64 if key >= 2**63 else key


class ManagerDict(Shared):
    """Values are bytes, which are what a block of memory is in Python; those of which each double
    changes are tuples of floats. A proxy has no operation that reads and writes as one: who changes
    a value holds a Lock, multiprocessing's, since a manager's would be one more call to the server.
    """

    def __init__(self, at):
        super().__init__(at)
        self.manager = start_manager()
        self.lock = context.Lock()
        first = (0.0,) * 8 if self.operation == "change" else self.made(0)
        self.dict = self.manager.dict()
        self.dict.update({nth_key(i): first for i in range(self.keys)})

    def made(self, x):
        return bytes([ord("a") + x]) * (8 * self.doubles)

    def task(self, seat):
        shared, lock = self.dict, self.lock
        keys = [nth_key(i) for i in range(self.keys)]
        choice = random.Random(seat).choice
        value, other = self.made(1), self.made(2)

        def look_up():
            return shared.get(choice(keys))

        def is_whole(found):
            return found is not None and found[1:] == found[:-1]

        def replace():
            nonlocal value, other
            shared[choice(keys)] = value
            value, other = other, value

        def change():
            key = choice(keys)
            with lock:
                shared[key] = tuple([x + 1.0 for x in shared[key]])

        if self.operation == "change":
            return Task(change)
        if self.operation == "replace" or seat == self.children:
            return Task(replace)
        return Task(look_up, is_whole)

    def lost(self, done):
        if self.operation != "change":
            return 0
        return abs(sum(done) - sum(value[0] for value in self.dict.values()))

    def torn(self):
        if self.operation != "change":
            return 0
        return sum(not all_equal(value) for value in self.dict.values())


class ManagerList(Shared):
    """Of floats. Who increments one holds a Lock, as with a dict."""

    def __init__(self, at):
        super().__init__(at)
        self.manager = start_manager()
        self.lock = context.Lock()
        self.list = self.manager.list([0.0] * self.keys)

    def task(self, seat):
        shared, lock = self.list, self.lock
        places = range(self.keys)
        choice = random.Random(seat).choice

        def index():
            return shared[choice(places)]

        def increment():
            i = choice(places)
            with lock:
                shared[i] += 1.0

        def append_and_pop():
            shared.append(1.0)
            return shared.pop()

        if self.operation == "index":
            return Task(index, lambda found: found == 0.0)
        if self.operation == "increment":
            return Task(increment)
        # There is always one at the end that somebody has appended.
        return Task(append_and_pop, lambda popped: popped == 1.0)

    def lost(self, done):
        if self.operation != "increment":
            return 0
        return abs(sum(done) - sum(self.list[:]))


ROOM = 1024  # as in queue_peers.hpp
END = bytes(64)


def message_of(x):
    return x.to_bytes(8, "little") * 8


class SharedQueue(Shared):
    """Half of them get, the others put; one alone does both. When it is over who puts puts an end
    for each of those who get."""

    def __init__(self, at):
        super().__init__(at)
        self.queue = self.made()
        self.getters = (self.children + 1) // 2
        self.putters = self.children // 2

    def made(self):
        return context.Queue(ROOM)

    def task(self, seat):
        queue = self.queue
        next_value = 0

        def is_whole(message):
            return message == message[:8] * 8

        def is_end(message):
            return message == END

        def put():
            nonlocal next_value
            next_value += 1
            queue.put(message_of(next_value))

        def put_and_get():
            queue.put(message_of(1))
            return queue.get()

        def put_ends():
            first = seat == self.getters
            for _ in range(1 + self.getters - self.putters if first else 1):
                queue.put(END)

        if self.putters == 0:
            return Task(put_and_get, is_whole)
        if seat < self.getters:
            return Task(queue.get, is_whole, is_end)
        return Task(put, at_end=put_ends)

    def lost(self, done):
        if self.putters == 0:
            return 0
        got, put = sum(done[: self.getters]), sum(done[self.getters :])
        return abs(put + self.getters - got)  # the ends are got too


class ManagerQueue(SharedQueue):
    def made(self):
        self.manager = start_manager()
        return self.manager.Queue(ROOM)


BY_NAME = {
    "Value": SharedValue,
    "Array": SharedArray,
    "manager.dict": ManagerDict,
    "manager.list": ManagerList,
    "Queue": SharedQueue,
    "manager.Queue": ManagerQueue,
}

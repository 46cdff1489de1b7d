"""Watches what a C++ engine does, by lagoon's C interface, and sends it orders."""

import ctypes
import sys
from ctypes import byref, c_char, c_char_p, c_double, c_int64, c_size_t, c_void_p

lagoon = ctypes.CDLL(sys.argv[1])
lagoon.lagoon_last_error.restype = c_char_p


def call(name, *arguments):
    status = getattr(lagoon, "lagoon_" + name)(*arguments)
    if status != 0:
        raise RuntimeError(f"status {status}: {lagoon.lagoon_last_error().decode()}")


def handle(name, *arguments):
    given = c_void_p()
    call(name, *arguments, byref(given))
    return given


forever = c_double(-1)
segment = handle("segment_open", sys.argv[2].encode(), None)
prices = handle("array_find", segment, b"prices", c_char(b"d"))
day = handle("value_find", segment, b"day", c_char(b"q"))
seen = handle("value_find", segment, b"seen", c_char(b"q"))
orders = handle("queue_find", segment, b"orders")
length = c_size_t()
call("array_length", prices, byref(length))

today = c_int64(0)
now = (c_double * length.value)()
while today.value < 3:
    call("value_wait_i64", day, today, forever)  # until it is another
    call("value_get_i64", day, byref(today))
    call("array_read_f64", prices, c_size_t(0), length, now)  # of one moment; waits for nobody
    print(f"day {today.value}: {list(now)}", flush=True)
    order = f"{today.value} at {now[0]}".encode()
    call("queue_put", orders, order, c_size_t(len(order)), forever)
    call("value_set_i64", seen, today)
    call("value_notify", seen)

for kind, given in ("queue", orders), ("value", seen), ("value", day), ("array", prices):
    getattr(lagoon, f"lagoon_{kind}_close")(given)
lagoon.lagoon_segment_close(segment)

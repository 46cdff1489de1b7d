"""Watches what a C++ engine does, and tells it something."""

import sys
import time
from multiprocessing.managers import DictProxy, SyncManager


class Engine(SyncManager):
    pass


Engine.register("state", proxytype=DictProxy)  # what C++ calls so

engine = Engine(sys.argv[1], sys.argv[2].encode())
engine.connect()
state = engine.state()
while not state.get("done"):
    time.sleep(0.001)
print("ticks:", state["ticks"])
state["from_python"] = {"seen": len(state["ticks"])}

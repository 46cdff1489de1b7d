"""CPython's own manager, at that address with that key, with what the tests ask for."""

import sys
from multiprocessing import current_process
from multiprocessing.managers import SyncManager


class Counter:
    def __init__(self, n=0):
        self.n = n

    def add(self, x=1):
        self.n += x
        return self.n

    def fail(self, name):
        raise {"zero": ZeroDivisionError("division by zero"), "key": KeyError("k")}[name]


class M(SyncManager):
    pass


shared = {"gold": 1.5}
M.register("Counter", Counter)
M.register("shared", lambda: shared, proxytype=SyncManager._registry["dict"][3])

address, key = sys.argv[1], sys.argv[2].encode()
if ":" in address:
    host, port = address.split(":")
    address = (host, int(port))
current_process().authkey = key
server = M(address, key).get_server()
print("ready", *([server.address[1]] if isinstance(server.address, tuple) else []), flush=True)
server.serve_forever()

"""CPython's own tests of managers, against a server that is there.

    cpython_suite.py ADDRESS KEY

Needs Python's `test` package (Debian: libpython3.11-testsuite). Left out is what needs a server of
its own, or Python code run in it: pools, actions of barriers, managers with types of their own.
"""

import multiprocessing
import sys
import unittest
from multiprocessing import current_process, managers

address, key = sys.argv[1], sys.argv[2].encode()
current_process().authkey = key


class Connected(managers.SyncManager):
    def __init__(self, *args, **kwds):
        super().__init__(address, key)

    def start(self, *args, **kwds):
        self.connect()

    def shutdown(self):
        pass

    def join(self, timeout=None):
        pass


def manager():
    made = Connected()
    made.start()
    return made


managers.SyncManager = Connected
multiprocessing.Manager = manager
try:
    from test import _test_multiprocessing as suite
except ImportError:
    print("no tests of Python's here")
    sys.exit(77)

names = {"__name__": "__main__"}
suite.install_tests_in_module_dict(names, "fork")
WITHOUT = {
    # Functions that would run in the server.
    "WithManagerTestPool",
    "TestSyncManagerTypes.test_pool",
    "WithManagerTestBarrier.test_action",
    # Managers of their own, whose servers are CPython's: they would say nothing of this one.
    "WithManagerTestMyManager",
    "WithManagerTestRemoteManager",
    "WithManagerTestManagerRestart",
}
chosen = unittest.TestSuite()
for name, case in sorted(names.items()):
    if not isinstance(case, type) or not issubclass(case, unittest.TestCase):
        continue
    if not name.startswith("WithManagerTest") and name != "TestSyncManagerTypes":
        continue
    for test in unittest.defaultTestLoader.loadTestsFromTestCase(case):
        method = test.id().rpartition(".")[2]
        if name not in WITHOUT and f"{name}.{method}" not in WITHOUT:
            chosen.addTest(test)

sys.modules["__main__"].__dict__.update(names)
names["setUpModule"]()
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(chosen)
names["tearDownModule"]()
print(f"{result.testsRun} run, {len(result.failures)} failed, {len(result.errors)} with errors, "
      f"{len(result.skipped)} skipped")
sys.exit(0 if result.wasSuccessful() else 1)

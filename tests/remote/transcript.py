"""What a manager's server answers to a Python program, a line for each operation: so that two
servers can be compared.

    transcript.py cpython              CPython's own
    transcript.py ADDRESS KEY          one that is there

What differs by nature (addresses, identifiers) is left out.
"""

import array
import collections
import ctypes
import datetime
import decimal
import enum
import fractions
import pickle
import queue
import re
import sys
import threading
from multiprocessing import current_process
from multiprocessing.managers import SyncManager, DictProxy


class Colour(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


class Thing:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Thing and other.x == self.x

    def __hash__(self):
        return hash(self.x)

    def __repr__(self):
        return f"Thing({self.x!r})"


loop = [1]
loop.append(loop)

OPERATIONS = """
d = m.dict()
d
str(d)
len(d)
d['a'] = 1
d['b'] = [1, 2, {'x': (1, 2.5, None, True, b'bytes')}]
d['a']
d['b']
d['nope']
d[3]
d[(1, 'x')] = 'tuple'
d[(1, 'x')]
d[[1]] = 2
d[1.0] = 'one'
d[1]
d[True]
'a' in d
'z' in d
d.get('a')
d.get('z')
d.get('z', 7)
d.get()
d.get('a', 1, 2)
d.keys()
d.values()
d.items()
list(d)
[k for k in d]
d.copy()
str(d)
d._getvalue()
d.pop('a')
d.pop('a')
d.pop('a', 'gone')
d.popitem()
d.setdefault('s', 4)
d.setdefault('s', 5)
d.setdefault('t')
d.update({'u': 1}, v=2)
d.update([('w', 3), ('x', 4)])
d.update([1])
d.update([(1, 2, 3)])
d.update(1)
d.copy()
del d['u']
del d['u']
len(d)
d.clear()
d.popitem()
d.nothing
d._callmethod('fromkeys')
d._callmethod('__repr__')
d._callmethod('#GETVALUE')
m.dict({'a': 1}).copy()
m.dict([('a', 1)], b=2).copy()
m.dict(a=1).copy()
m.dict(7)
i = iter(m.dict({'k': 1, 'l': 2}))
next(i)
next(i)
next(i)
l = m.list()
l
str(l)
l.append(1)
l.append('two')
l.extend([3.0, None])
l += [5]
l[0]
l[-1]
l[99]
l['x']
l[1:3]
l[::-1]
l[::0]
l[1:3] = ['a', 'b', 'c']
l[:]
l[0:2:1] = 'xy'
l[::2] = [1]
l[:]
l[0] = 'zero'
l[99] = 1
del l[0]
del l[0:2]
del l[99]
l[:]
len(l)
l.index(5)
l.index('nope')
l.index(5, 1)
l.insert(0, 'first')
l.insert(99, 'last')
l.pop()
l.pop(0)
l.pop(99)
l.remove(None)
l.remove('nope')
l.count(5)
5 in l
6 in l
l + [7]
l * 2
2 * l
l *= 2
l[:]
list(reversed(l))
l.reverse()
l[:]
m.list([3, 1, 2])._getvalue()
s = m.list([3, 1, 2])
s.sort()
s[:]
s.sort(reverse=True)
s[:]
s.append('x')
s.sort()
s.sort(1)
[x for x in m.list('abc')]
m.list(5)
m.list([]).pop()
m.list([1]) + m.list([2])
n = m.Namespace()
n.x = 1
n.x
n.y
del n.x
del n.x
n.a, n.b = [1], 'b'
n.a
str(n)
n
m.Namespace(p=1, q='r').q
n._getvalue().a
v = m.Value('i', 7)
v.value
v.value = 9
v.get()
v.set(10)
v.value
str(v)
v._getvalue()
m.Value('d', 1.5).value
a = m.Array('i', [1, 2, 3])
a[0]
a[-1]
a[3]
len(a)
a[1] = 5
a[0:2]
a[:] = array.array('i', [7, 8, 9])
a[:]
str(a)
a._getvalue()
list(a)
m.Array('d', (1, 2.5))[:]
lock = m.Lock()
lock.acquire()
lock.acquire(False)
lock.acquire(True, 0.01)
lock.acquire(timeout=0.01)
lock.acquire(False, 1)
lock.acquire(True, -5)
lock.release()
lock.release()
with lock: pass
r = m.RLock()
r.acquire()
r.acquire()
r.release()
r.release()
r.release()
sem = m.Semaphore(2)
sem.acquire(), sem.acquire(), sem.acquire(False)
sem.acquire(True, 0.01)
sem.release(), sem.release(), sem.release()
sem.release(2)
m.Semaphore(-1)
b = m.BoundedSemaphore(2)
b.acquire(), b.release()
b.release()
c = m.Condition()
c.wait(0.01)
c.notify()
c.acquire()
c.wait(0.01)
c.notify()
c.notify_all()
c.wait_for(lambda: False, 0.01)
c.wait_for(lambda: 3)
c.release()
c.release()
c2 = m.Condition(lock)
c2.acquire(), lock.acquire(False), c2.release(), lock.acquire(False), lock.release()
e = m.Event()
e.is_set()
e.wait(0.01)
e.set()
e.is_set(), e.wait()
e.clear()
e.is_set()
bar = m.Barrier(1)
bar.wait()
bar.parties, bar.n_waiting, bar.broken
bar.abort()
bar.broken
bar.wait()
bar.reset()
bar.wait(1)
m.Barrier(2).wait(0.01)
q = m.Queue(2)
q.empty(), q.full(), q.qsize()
q.put('a')
q.put(['b'])
q.full(), q.qsize()
q.put('c', False)
q.put_nowait('c')
q.put('c', True, 0.01)
q.put('c', timeout=0.01)
q.get()
q.get(timeout=1)
q.get(False)
q.get_nowait()
q.get(True, 0.01)
q.get(timeout=-1)
q.task_done(), q.task_done()
q.task_done()
q.join()
j = m.JoinableQueue()
j.put(1)
j.get()
j.task_done()
j.join()
j.task_done()
outer, inner = m.dict(), m.list([1])
outer['l'] = inner
outer['l'].append(2)
inner[:]
outer['l'][:]
outer['d'] = m.dict(x=1)
outer['d']['x'] += 1
outer['d'].copy()
outer['self'] = outer
outer['self']['self']['l'][:]
outer['lock'] = lock
outer['lock'].acquire(False), lock.acquire(False), outer['lock'].release()
ll = m.list([m.list([1]), m.list([2])])
[x[:] for x in ll]
d['n'] = Thing(3)
d['n']
d['c'] = Colour.RED
d['c'] is Colour.RED
d['p'] = Point(1, 2)
d['p'].y
d['dt'] = datetime.datetime(2020, 1, 2, 3, 4)
d['dt']
d['dec'] = decimal.Decimal('1.50')
d['dec']
d['fr'] = fractions.Fraction(1, 3)
d['fr']
d['od'] = collections.OrderedDict(a=1, b=2)
d['od']
d['dd'] = collections.defaultdict(list, a=[1])
d['dd']
d['co'] = collections.Counter('abca')
d['co']
d['de'] = collections.deque([1, 2])
d['de']
d['re'] = re.compile('a+', re.I)
d['re']
d['z'] = 3 + 4j
d['z']
d['ba'] = bytearray(b'xy')
d['ba']
d['ra'] = range(3)
d['ra']
d['f'] = len
d['f'] is len
d['t'] = Thing
d['t'] is Thing
d[Thing(5)] = 'thing'
d[Thing(5)]
d['big'] = 10 ** 40
d['big']
d['neg'] = -10 ** 40
d['neg']
d['i'] = [0, 255, 256, 65535, 65536, -1, 2 ** 31, -2 ** 31, 2 ** 63, -2 ** 63 - 1]
d['i']
d['fl'] = [1e300, -0.0, 0.1, float('inf')]
d['fl']
d['u'] = 'é\\U0001f600\\x00'
d['u']
d['long'] = 'x' * 70000
len(d['long'])
d['by'] = b'y' * 300
len(d['by'])
d['many'] = list(range(2500))
d['many'] == list(range(2500))
d['pairs'] = {k: str(k) for k in range(1200)}
len(d['pairs'])
d['set'] = {1}
d['set']
d['fs'] = frozenset([2])
d['fs']
d['e'] = [(), [], {}, set(), '', b'']
d['e']
d['same'] = [inner_list := [1]] * 3
d['same']
d['loop'] = loop
d['loop'][1][1][0]
d['ex'] = ValueError('x')
d['ex']
m.list([Thing(1)]).index(Thing(1))
m.Value('i', 5).value
l2 = m.list([1, 2, 3])
l2._callmethod('append')
l2.append(1, 2)
l2._callmethod('append', (), {'object': 1})
l2._callmethod('reverse', (1,))
l2.insert(1)
l2._callmethod('insert', (), {'index': 0, 'object': 1})
l2.pop(1, 2)
l2.index()
l2.index(1, 2, 3, 4)
l2.index(3, -10 ** 30, 10 ** 30)
l2.index(1, 'x')
l2._callmethod('sort', (), {'x': 1})
l2.sort(reverse=1)
l2._callmethod('__getitem__')
l2._callmethod('__setitem__', (1,))
l2._callmethod('__len__', (1,))
l2._callmethod('__mul__', ())
l2[0:1] = 5
l2[0:1:2] = 5
l2.insert(10 ** 30, 1)
l2[True]
l2.extend(zip([1], 'a'))
l2.extend(enumerate('ab', 5))
l2.extend(iter([7, 8]))
l2.extend(reversed([1, 2, 3]))
l2.extend(collections.UserList('xy'))
l2[:]
m.dict(collections.UserDict(a=1)).copy()
m.dict(zip('ab', [1, 2])).copy()
d2 = m.dict()
d2._callmethod('get', (1,), {'default': 3})
d2._callmethod('clear', (1,))
d2._callmethod('__contains__')
d2.setdefault()
d2.get(collections.OrderedDict())
array.array('i') in d2
bytearray(b'x') in d2
d2[collections.Counter()]
n._callmethod('__getattribute__')
n._callmethod('__setattr__', ('x',))
m.Value('i', 5).set()
m.Value('i', 5).set(1, 2)
w = m.Value(ctypes.c_char_p, 'Hello')
w.value
str(w)
w.value = [1]
w.get()
w._getvalue()
outer['w'] = w
outer['w'].value
m.Value(int, 5).value
m.Value('s', 'string').value
m.Value('i', None).value
m.Value('i', 10 ** 10).value
m.Value(ctypes.c_bool, False).value
m.Array('s', [1])
a[True]
a._callmethod('__getitem__')
m.Lock().acquire(True, 'x')
m.Lock().acquire(True, float('nan'))
m.Lock().acquire(True, 10 ** 30)
m.Lock()._callmethod('acquire', (True, 1, 2))
m.Lock()._callmethod('acquire', (), {'x': 1})
m.Lock()._callmethod('release', (1,))
m.RLock()._callmethod('release', (1,))
m.Semaphore()._callmethod('acquire', (1, 2, 3))
m.Semaphore()._callmethod('release', (1, 2))
m.BoundedSemaphore()._callmethod('release', (1, 2))
m.Condition().notify(0)
m.Condition().notify(-1)
m.Condition()._callmethod('wait', (1, 2))
m.Condition()._callmethod('release', (1,))
m.Event()._callmethod('set', (1,))
m.Event().wait(1, 2)
m.Barrier(1)._callmethod('wait', (1, 2))
m.Queue().put()
m.Queue().put(1, 2, 3, 4)
m.Queue().get(1, 2, 3)
m.Queue().get(x=1)
m.Queue().empty(1)
k = m.dict()
k['in'] = m.list([1])
kept = pickle.dumps(k['in'])
k.get(1)
pickle.loads(kept)[:]
k['in']._id == k['in']._id
k['s'] = m.BoundedSemaphore(1)
t = threading.Thread(target=k['s'].acquire); t.start(); t.join(); k['s'].release()
k['s'].release()
k['q'] = m.Queue()
k['q'].put(1), k['q'].put(2)
k['q'].get(), k['q'].get()
k['q'].task_done(), k['q'].task_done()
k['q'].join()
k['q'].task_done()
m._number_of_objects() > 0
m.dict(1, 2)
m.Queue().get(block=False)
m.nothing
"""


def shown(x):
    text = repr(x)
    text = re.sub(r"0x[0-9a-f]+", "0x..", text)
    text = re.sub(r"<(\w+Proxy\S*) object, typeid '(\w+)' at 0x\.\.>", r"<\1 \2>", text)
    return text


def main():
    if sys.argv[1] == "cpython":
        current_process().authkey = b"k"
        m = SyncManager(authkey=b"k")
        m.start()
    else:
        address = sys.argv[1]
        if ":" in address:
            host, port = address.split(":")
            address = (host, int(port))
        key = sys.argv[2].encode()
        current_process().authkey = key
        m = SyncManager(address, key)
        m.connect()
    env = dict(globals(), m=m)
    for line in OPERATIONS.strip().splitlines():
        if line.startswith("k['q']") and sys.version_info < (3, 9):
            continue  # its own server does not get at a queue in a dict
        try:
            try:
                code = compile(line, "line", "eval")
            except SyntaxError:
                exec(compile(line, "line", "exec"), env)
                print(f"{line}  ->  done")
                continue
            print(f"{line}  ->  {shown(eval(code, env))}")
        except Exception as e:
            text = str(e)
            if "Traceback" in text:  # of the server: its last line
                text = [x for x in text.splitlines() if x.strip("- ")][-1].strip()
            print(f"{line}  ->  {type(e).__module__}.{type(e).__name__}: {text}")
        sys.stdout.flush()


main()

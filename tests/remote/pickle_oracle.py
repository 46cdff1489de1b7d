"""Of each pickle, in hexadecimal: its repr, and what Python makes of the object by protocols 3 to
5."""

import pickle
import sys


for line in sys.stdin:
    x = pickle.loads(bytes.fromhex(line))
    answers = [repr(x).encode()] + [pickle.dumps(x, p) for p in (3, 4, 5)]
    print("\t".join("=" + a.hex() for a in answers))

"""What Python's list says: reads statements and expressions about the list `l`, a line each, and
answers each with a line: its result, and the list after it, between tabs.

Each is '=' or, of an exception, '!', then its text in hexadecimal digits of UTF-8.
"""
import copy
import sys


def add(i, x):
    """What l[i] += x is where elements are values."""
    element = copy.deepcopy(l[i])
    if isinstance(element, list):
        element = element + x  # as an Object's
    else:
        element += x
    l[i] = element


def said(mark, text):
    return mark + text.encode("utf-8", "surrogatepass").hex()


l = []
for line in sys.stdin:
    mark, text = "=", "None"
    try:
        try:
            text = repr(eval(line))
        except SyntaxError:
            exec(line)
    except Exception as e:
        mark, text = "!", f"{type(e).__name__}: {e}"
    print(said(mark, text), said("=", repr(l)), sep="\t")

"""What Python says: reads questions, a line each, and answers each with a line.

A question is its name and Python expressions, between tabs. An answer is results, between tabs:
'=' or, of an exception, '!', then its text as hexadecimal digits of UTF-8.
"""
import sys
import zlib

sys.set_int_max_str_digits(0)


def said(f):
    try:
        mark, text = "=", f()
    except Exception as e:
        mark = "!"
        text = "KeyError" if isinstance(e, KeyError) else f"{type(e).__name__}: {e}"
    return mark + text.encode("utf-8", "surrogatepass").hex()


def about_one(x):
    def hashed():
        h = hash(x)  # before it is asked whose it is
        return str(h) if isinstance(x, (int, float)) and x == x else "hashable"

    return [said(f) for f in (
        lambda: repr(x), lambda: str(x), lambda: repr(bool(x)), lambda: type(x).__name__,
        lambda: repr(len(x)), hashed, lambda: repr(-x))]


def too_large(a, b):
    """Whether a * b is so many items that it is better not to try."""
    for x, n in ((a, b), (b, a)):
        if isinstance(x, (str, bytes, list, tuple)) and isinstance(n, int) and 100 < abs(n) < 2**63:
            return True
    return False


def about_two(a, b):
    return [said(f) for f in (
        lambda: repr(a == b), lambda: repr(a != b), lambda: repr(a < b), lambda: repr(a <= b),
        lambda: repr(a > b), lambda: repr(a >= b), lambda: repr(a + b), lambda: repr(a - b),
        lambda: "too large" if too_large(a, b) else repr(a * b), lambda: repr(b in a),
        lambda: "characters" if isinstance(a, (str, bytes)) else repr(a[b]))]


def after(statements):
    """The object `o` after statements, of which some fail."""
    names = {}
    results = []
    for statement in statements.split("; "):
        def run():
            exec(statement, names)
            return ""
        results.append(said(run))
    return results + [said(lambda: repr(names["o"]))]


def of_every_character(first, last):
    text = "".join(repr(chr(c)) + repr(chr(c).isprintable()) for c in range(first, last))
    return [said(lambda: str(zlib.adler32(text.encode("utf-8", "surrogatepass"))))]


for line in sys.stdin:
    question, *args = line.rstrip("\n").split("\t")
    if question == "after":
        answer = after(*args)
    else:
        f = {"one": about_one, "two": about_two, "characters": of_every_character}[question]
        answer = f(*map(eval, args))
    print("\t".join(answer))

"""What Python's dict does: reads questions, a line each: a sequence of statements about a dict `d`,
between tabs. Answers each with a line: of each statement its value, if it is an expression, or, of
an exception, what it says; at the end what there is.
"""
import sys

sys.set_int_max_str_digits(0)


def said(statement, names):
    try:
        try:
            code = compile(statement, "", "eval")
        except SyntaxError:
            exec(statement, names)
            mark, text = "=", ""
        else:
            mark, text = "=", repr(eval(code, names))
    except Exception as e:
        mark, text = "!", f"{type(e).__name__}: {e}"
    return mark + text.encode("utf-8", "surrogatepass").hex()


for line in sys.stdin:
    names = {"d": {}}
    statements = line.rstrip("\n").split("\t")
    print("\t".join(said(s, names) for s in statements + ["d"]))

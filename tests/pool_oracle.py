"""What Python's Pool does: reads an expression or statement a line, which may use the pool `p` of two
processes and the functions below, and answers each with its repr or, of an exception, '!', its
type's name and text, in hexadecimal digits of UTF-8."""
import multiprocessing.pool
import sys


def square(x):
    return x * x


def minus(a, b):
    return a - b


def fails_at_three(x):
    if x == 3:
        raise IndexError("three is out of range")
    return x


def chunk_of(length, workers):
    """How many elements map sends as one task."""
    seen = []
    get_tasks = multiprocessing.pool.Pool._get_tasks

    def seeing(func, it, size):
        seen.append(size)
        return get_tasks(func, it, size)

    multiprocessing.pool.Pool._get_tasks = staticmethod(seeing)
    with multiprocessing.pool.ThreadPool(workers) as pool:
        pool.map(square, range(length))
    multiprocessing.pool.Pool._get_tasks = staticmethod(get_tasks)
    return seen[0]


def next_or_error(results, times):
    said = []
    for _ in range(times):
        try:
            said.append(next(results))
        except StopIteration:
            said.append("end")
        except Exception as e:
            said.append(str(e))
    return said


def closed():
    pool = multiprocessing.pool.ThreadPool(1)
    pool.close()
    return pool


if __name__ == "__main__":
    with multiprocessing.Pool(2) as p:
        for line in sys.stdin:
            try:
                mark, text = "=", repr(eval(line))
            except Exception as e:
                mark, text = "!", f"{type(e).__name__}: {e}"
            print(mark + text.encode().hex(), flush=True)

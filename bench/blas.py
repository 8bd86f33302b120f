"""Single-precision BLAS and LAPACK, on request: a line "product times m n k" or "cholesky times n" is answered by median
milliseconds of CPU and of wall time."""
import sys
import time

import numpy as np



def centred(*shape):
    return np.random.rand(*shape).astype("f4") - np.float32(0.5)


def product(m, n, k):
    a, b = centred(m, k), centred(k, n)
    return lambda: a @ b


def cholesky(n):
    a = centred(n, n) + np.float32(n) * np.eye(n, dtype="f4")
    return lambda: np.linalg.cholesky(a)


print("ready", flush=True)
for line in sys.stdin:
    kind, *numbers = line.split()
    times, *sizes = map(int, numbers)
    compute = {"product": product, "cholesky": cholesky}[kind](*sizes)
    compute()
    cpu, wall = [], []
    for _ in range(times):
        c, t = time.process_time(), time.perf_counter()
        compute()
        wall.append(time.perf_counter() - t)
        cpu.append(time.process_time() - c)
    print(1e3 * sorted(cpu)[times // 2], 1e3 * sorted(wall)[times // 2], flush=True)

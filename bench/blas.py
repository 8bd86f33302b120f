"""Single-precision BLAS, on request: a line "m n k times" is answered by median milliseconds of CPU and of wall time."""
import sys
import time

import numpy as np

print("ready", flush=True)
for line in sys.stdin:
    m, n, k, times = map(int, line.split())
    a = np.random.rand(m, k).astype("f4") - np.float32(0.5)
    b = np.random.rand(k, n).astype("f4") - np.float32(0.5)
    a @ b
    cpu, wall = [], []
    for _ in range(times):
        c, t = time.process_time(), time.perf_counter()
        a @ b
        wall.append(time.perf_counter() - t)
        cpu.append(time.process_time() - c)
    print(1e3 * sorted(cpu)[times // 2], 1e3 * sorted(wall)[times // 2], flush=True)

"""Single-precision BLAS and LAPACK, on request: a line "product times m n k", "cholesky times n" or "gptq times n" is answered by
median milliseconds of CPU and of wall time."""
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


def gptq(n, group=128):
    w, a = centred(n, n), centred(n, n)
    h = (a + a.T) / 2 + np.float32(n) * np.eye(n, dtype="f4")

    def compute():
        v, codes = w.copy(), np.empty((n, n), "u1")
        damped = h + np.float32(0.01) * np.mean(np.diag(h)) * np.eye(n, dtype="f4")
        l = np.linalg.inv(np.linalg.cholesky(damped))
        u = np.linalg.cholesky(l.T @ l).T
        for start in range(0, n, group):
            end = start + group
            run, error = v[:, start:end], np.empty((n, group), "f4")
            low, high = np.minimum(run.min(1), 0), np.maximum(run.max(1), 0)
            scale = (high - low) / np.float32(15)
            zero = np.round(-low / scale)
            for j in range(group):
                code = np.clip(np.round(run[:, j] / scale) + zero, 0, 15)
                codes[:, start + j] = code
                error[:, j] = (run[:, j] - scale * (code - zero)) / u[start + j, start + j]
                run[:, j + 1 :] -= np.outer(error[:, j], u[start + j, start + j + 1 : end])
            v[:, end:] -= error @ u[start:end, end:]
        return codes

    return compute


print("ready", flush=True)
for line in sys.stdin:
    kind, *numbers = line.split()
    times, *sizes = map(int, numbers)
    compute = {"product": product, "cholesky": cholesky, "gptq": gptq}[kind](*sizes)
    compute()
    cpu, wall = [], []
    for _ in range(times):
        c, t = time.process_time(), time.perf_counter()
        compute()
        wall.append(time.perf_counter() - t)
        cpu.append(time.process_time() - c)
    print(1e3 * sorted(cpu)[times // 2], 1e3 * sorted(wall)[times // 2], flush=True)

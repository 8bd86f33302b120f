"""Single-precision BLAS and LAPACK through NumPy, on request. A line "KIND times size…" is answered by median milliseconds of CPU and
of wall time; "command JSON" by those of a command and of all that it starts, or by a sentence where it fails."""
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np


def centred(*shape):
    return np.random.rand(*shape).astype("f4") - np.float32(0.5)


def definite(n):
    a = centred(n, n)
    return (a + a.T) / 2 + np.float32(n) * np.eye(n, dtype="f4")


def damped(h):
    return h + np.float32(0.01) * np.mean(np.diag(h)) * np.eye(len(h), dtype="f4")


def product(m, n, k):
    a, b = centred(m, k), centred(k, n)
    return lambda: a @ b


def cholesky(n):
    a = centred(n, n) + np.float32(n) * np.eye(n, dtype="f4")
    return lambda: np.linalg.cholesky(a)


def eigh(n):
    a = definite(n)
    return lambda: np.linalg.eigh(a)


def codes_of(w, h, group):
    """GPTQ of a layer, as its authors compute it: codes of four bits."""
    (out, n), v = w.shape, w.copy()
    codes = np.empty((out, n), "u1")
    l = np.linalg.inv(np.linalg.cholesky(damped(h)))
    u = np.linalg.cholesky(l.T @ l).T
    for start in range(0, n, group):
        end = start + group
        run, error = v[:, start:end], np.empty((out, group), "f4")
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


def gptq(n, group=128):
    w, h = centred(n, n), definite(n)
    return lambda: codes_of(w, h, group)


def gptq_block(windows, token, hidden, intermediate, heads, kv, group=64):
    """A block of Llama goes over the windows for the second moments of its inputs, is coded, and goes over them again."""
    head = hidden // heads
    shapes = {"q": (hidden, hidden), "k": (kv * head, hidden), "v": (kv * head, hidden), "o": (hidden, hidden)}
    shapes |= {"gate": (intermediate, hidden), "up": (intermediate, hidden), "down": (hidden, intermediate)}
    weights = {name: centred(*shape) / np.float32(shape[1] ** 0.5) for name, shape in shapes.items()}
    inputs = [centred(token, hidden) for _ in range(windows)]
    angle = np.arange(token)[:, None] * 10000.0 ** (-np.arange(head // 2) / (head // 2))
    turns = [np.concatenate([f(angle)] * 2, 1).astype("f4") for f in (np.cos, np.sin)]
    future = np.triu(np.full((token, token), -1e30, "f4"), 1)

    def norm(x):
        return x / np.sqrt(np.mean(x * x, 1, keepdims=True) + np.float32(1e-5))

    def turned(x):
        a, b = np.split(x, 2, 2)
        return x * turns[0] + np.concatenate([-b, a], 2) * turns[1]

    def by_head(x, count):
        return np.ascontiguousarray(x.reshape(token, count, head).transpose(1, 0, 2))

    def forward(x, seen):
        a = norm(x)
        q, k = turned(by_head(a @ weights["q"].T, heads)), turned(by_head(a @ weights["k"].T, kv))
        v = by_head(a @ weights["v"].T, kv)
        mixed = np.empty((heads, token, head), "f4")
        for i in range(heads):
            at = i * kv // heads
            score = q[i] @ k[at].T * np.float32(head**-0.5) + future
            share = np.exp(score - score.max(1, keepdims=True))
            mixed[i] = share / share.sum(1, keepdims=True) @ v[at]
        m = mixed.transpose(1, 0, 2).reshape(token, hidden)
        y = x + m @ weights["o"].T
        b = norm(y)
        opened = b @ weights["gate"].T
        n = opened / (1 + np.exp(-opened)) * (b @ weights["up"].T)
        for moment, of in zip(seen, (a, m, b, n)):
            moment += of.T @ of
        return y + n @ weights["down"].T

    def compute():
        moments = [np.zeros((n, n), "f4") for n in (hidden, hidden, hidden, intermediate)]
        for x in inputs:
            forward(x, moments)
        for name, of in {"q": 0, "k": 0, "v": 0, "o": 1, "gate": 2, "up": 2, "down": 3}.items():
            codes_of(weights[name], moments[of], group)
        for x in inputs:
            forward(x, [])

    return compute


def restore(n, rounds=16):
    """Conjugate gradients for all rows at once, with the mask around every product."""
    dense, h = centred(n, n), definite(n)
    mask = (np.arange(n * n).reshape(n, n) % 2 == 0).astype("f4")

    def compute():
        a = damped(h)
        own, v = np.diag(a), dense * mask
        left = ((dense - v) @ a) * mask
        ahead = left / own
        energy = np.sum(left * ahead, 1, keepdims=True)
        for _ in range(rounds):
            through = (ahead @ a) * mask
            step = energy / np.sum(ahead * through, 1, keepdims=True)
            v, left = v + step * ahead, left - step * through
            before, next_ahead = energy, left / own
            energy = np.sum(left * next_ahead, 1, keepdims=True)
            ahead = next_ahead + energy / before * ahead
        return v

    return compute


def factors(n, rank):
    """The directions that hold most of a matrix, by subspace iteration, and the right factor that fits them."""
    a, h = centred(n, n), definite(n)
    columns = min(rank + rank // 2 + 8, n)

    def compute():
        basis = np.linalg.qr(centred(n, columns))[0]
        for _ in range(6):
            basis = np.linalg.qr(a @ (h @ (a.T @ basis)))[0]
        turn = np.linalg.eigh(basis.T @ (a @ (h @ (a.T @ basis))))[1]
        left = basis @ turn[:, ::-1][:, :rank]
        return left, np.linalg.solve(left.T @ left, left.T @ a)

    return compute


kinds = {of.__name__: of for of in (product, cholesky, eigh, gptq, gptq_block, restore, factors)}
known = {}


def timed(kind, times, *sizes):
    if (kind, *sizes) not in known:
        known[kind, *sizes] = kinds[kind](*sizes)
        known[kind, *sizes]()
    cpu, wall = [], []
    for _ in range(times):
        c, t = time.process_time(), time.perf_counter()
        known[kind, *sizes]()
        wall.append(time.perf_counter() - t)
        cpu.append(time.process_time() - c)
    return f"{1e3 * sorted(cpu)[times // 2]} {1e3 * sorted(wall)[times // 2]}"


def started(command, env):
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    c, t = spent(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, stdin=subprocess.DEVNULL)
    wall = time.perf_counter() - t
    if done.returncode != 0:
        return " ".join((done.stderr or done.stdout).split())[-300:] or f"status {done.returncode}"
    return f"{1e3 * (spent() - c)} {1e3 * wall}"


print("ready", flush=True)
for line in sys.stdin:
    kind, rest = line.split(" ", 1)
    print(started(**json.loads(rest)) if kind == "command" else timed(kind, *map(int, rest.split())), flush=True)

/** Programs of a kilobyte or two that ask for more than they look: what is doubled, or nested, again and again. */
import type { Random } from "../ops/random.ts";

/** The files of a program; the first is the one to check. */
export type Drawn = Readonly<Record<"own.lcomp", string>> & Readonly<Record<string, string>>;

const steps = (count: number, write: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => write(i + 1)).join("\n");

/** Functions of which each calls the one before several times. */
function calls({ integer, pick }: Random): Drawn {
  const [depth, times] = [integer(2, 26), integer(1, 3)];
  const own = pick(["x", "x * 0.5", "x + 1"]);
  const call = (i: number): string => `g${i - 1}(${own})`;
  const body = pick<(i: number) => string>([
    (i) => Array.from({ length: times }, () => call(i)).join(" + "),
    (i) => `g${i - 1}(${call(i)})`,
    (i) => `${call(i)} where ${call(i)} > 0 else ${call(i)}`,
    (i) => `{ let y = ${call(i)}\n  let z = g${i - 1}(y)\n  y + z }`,
    (i) => `max(${call(i)}, ${call(i)})`,
    (i) => `(${call(i)})^2 / (1 + ${call(i)})`,
  ]);
  const isNumber = pick([true, false]);
  const header = isNumber ? "x: Int" : "x";
  const last = isNumber ? `fn all(n: Int) = g${depth}(n)` : `fn all(x: f32[a, b]) = g${depth}(x)`;
  const text = steps(depth, (i) =>
    body(i).startsWith("{") ? `fn g${i}(${header}) ${body(i)}` : `fn g${i}(${header}) = ${body(i)}`,
  );
  return { "own.lcomp": `fn g0(${header}) = x + 1\n${text}\n${last}\n` };
}

/** Values of parameters that are left out. */
function defaults({ integer }: Random): Drawn {
  const depth = integer(2, 24);
  const text = steps(depth, (i) => `fn g${i}(x, y = g${i - 1}(x), z = g${i - 1}(x)) = y + z`);
  return { "own.lcomp": `fn g0(x) = x\n${text}\nfn all(x: f32[a]) = g${depth}(x)\n` };
}

/** Records in records, handed through functions. */
function records({ integer, pick }: Random): Drawn {
  const depth = integer(2, 60);
  const body = steps(depth, (i) => `  let r${i} = { a: r${i - 1}, ${pick(["b", "...r0, c"])}: r${i - 1} }`);
  const passed = pick([
    `r${depth}`,
    `g(r${depth})`,
    `r${depth}.a.a`,
    `r${depth} + 1`,
    `{ ...r${depth}, d: r${depth} }`,
  ]);
  const inside = `  let r0 = { a: x, b: x }\n${body}\n  ${passed}\n`;
  return { "own.lcomp": `fn g(r) = r\nfn h(x) {\n${inside}}\nfn all(x: f32[a]) { let y = h(x)\n  x }\n` };
}

/** Files of which each imports several that come after it. */
function imports({ integer, pick }: Random): Drawn {
  const count = integer(2, 24);
  const reach = pick([1, 2, count]);
  const files = Array.from({ length: count }, (_, i): [string, string] => {
    const later = Array.from({ length: Math.min(reach, count - 1 - i) }, (_, j) => i + 1 + j);
    const lines = later.map((j) => `import { h${j} } from "./m${j}.lcomp"`);
    return [
      `m${i}.lcomp`,
      `${lines.join("\n")}\n\nfn h${i}(x) = ${["x", ...later.map((j) => `h${j}(x)`)].join(" + ")}\n`,
    ];
  });
  return {
    "own.lcomp": 'import { h0 } from "./m0.lcomp"\n\nfn all(x: f32[a]) = h0(x)\n',
    ...Object.fromEntries(files),
  };
}

/** Sizes that are products of sums, and dimensions of such sizes. */
function sizes({ integer, pick }: Random): Drawn {
  const names = [..."abcdefgh"].slice(0, integer(2, 8));
  const sum = names.map((name) => `size(${name})`).join(" + ");
  const depth = integer(2, 30);
  const body = steps(
    depth,
    (i) => `  let n${i} = n${i - 1} ${pick(["*", "+", "*"])} ${pick([`n${i - 1}`, "n0", "(n0 + 1)"])}`,
  );
  const end = pick([`x * n${depth}`, `max(index(p: n${depth}) * x, over p)`, `x where n${depth} > 7`]);
  return { "own.lcomp": `fn all(x: f32[${names.join(", ")}]) {\n  let n0 = ${sum}\n${body}\n  ${end}\n}\n` };
}

/** Views and choices on top of each other. */
function nested({ integer, pick }: Random): Drawn {
  const depth = integer(2, 40);
  const body = steps(depth, (i) => {
    const x = `x${i - 1}`;
    return `  let x${i} = ${pick([
      `max(stack(s${i}: ${x}, ${x} * 2), over s${i})`,
      `${x} where ${x} > ${i} else 2 * ${x}`,
      `sum(${x} * index(d${i}: 3), over d${i})`,
      `rename(rename(${x}, a -> b${i}), b${i} -> a)`,
    ])}`;
  });
  return { "own.lcomp": `fn all(x0: f32[a]) {\n${body}\n  x${depth}\n}\n` };
}

/** Stages, one after another, of a method that calls. */
function stages(random: Random): Drawn {
  const { integer } = random;
  const [count, depth] = [integer(1, 12), integer(1, 16)];
  const text = steps(depth, (i) => `fn g${i}(x) = g${i - 1}(x) + g${i - 1}(x / 2)`);
  const method = `method m(n: Float) on linear(w: f32[out, in]) { g${depth}(w) * n }`;
  const body = steps(count, (i) => `  stage s${i} = m(${i}) of ${i === 1 ? "model" : `s${i - 1}`} for linear`);
  return {
    "own.lcomp": `fn g0(x) = x\n${text}\n${method}\nrecipe r(model: Model) {\n${body}\n  save s${count} as "huggingface"\n}\n`,
  };
}

const patterns = { calls, defaults, records, imports, sizes, nested, stages };

/** A program of a pattern, and its name. */
export function drawn(random: Random): { readonly pattern: string; readonly files: Drawn } {
  const [pattern, draw] = random.pick(Object.entries(patterns));
  return { pattern, files: draw(random) };
}

/** `lcomp generate`: a model continues texts greedily, each token the likeliest one, until it ends them or as far as is asked. */
import { showBytes } from "../../compiler/plan/bytes.ts";
import { readable } from "../../grammar/render.ts";
import { readPrompts } from "../io/prompt.ts";
import type { ContinuedText } from "../run/text-passes.ts";
import { growingText } from "../tokenizer/growing-text.ts";
import { UserError } from "../user-error.ts";
import { budgetFlags } from "./budget.ts";
import { type Command, countGiven, declare, type Flags, flag, given, value } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { archFlag } from "./recipe.ts";
import { quantileOf } from "./statistics.ts";
import { counted, json, lines, say } from "./terminal.ts";
import { type Prompt, type Writing, writing } from "./writer.ts";

/** How many tokens are added where nothing is said. */
const usualTokens = 128;

/** How often a text is written before times count, where they are to be measured. */
const warmUps = 3;

export const generateCommand: Command = {
  builder: (yargs) =>
    declare(yargs.positional("MODEL", { type: "string", describe: "a model's folder or GGUF file" }), {
      prompt: value("a text that the model continues; several times for several texts"),
      prompts: value("a .jsonl with a text in `prompt` a line, or a .txt that is one"),
      repeat: value("write each text so many times more, and measure those times", {
        defaultDescription: `none: once is measured; with it, ${warmUps} times before do not count`,
      }),
      tokens: value("how many tokens are added at most", { defaultDescription: String(usualTokens) }),
      "ignore-eos": flag("go on where the model ends a text, so that all have as many tokens"),
      json: flag("print texts and times as JSON"),
      quiet: flag("no progress, and no times"),
      ...archFlag,
      "gpu-memory": budgetFlags["gpu-memory"],
    }),
  handler: async (flags) => {
    const found = await interruptible((signal) => generate(flags, signal));
    if (flags["json"] === true) process.stdout.write(json(found));
    else if (flags["quiet"] !== true) say(process.stderr, lines(...showSpeed(found)));
  },
};

/** A text with what a model adds to it. */
interface Written {
  readonly prompt: string;
  readonly text: string;
  readonly prompt_ids: readonly number[];
  readonly ids: readonly number[];
  /** Why it is no longer: the model ended it, it has the tokens that were asked for, or the context is full. */
  readonly because: ContinuedText["because"];
}

/** Texts, and how fast they came: until a text's first token, which reads the prompt, and of all others. */
interface Generated extends Speed {
  readonly texts: readonly Written[];
  readonly notes: readonly string[];
}

interface Speed extends Times {
  /** How often each text was written while times were taken, and how often before. */
  readonly repeats: number;
  readonly warm_ups: number;
  readonly gpu_bytes: number;
  /** What the kernels of a token behind the first move, at least. */
  readonly bytes_per_token: number;
  readonly adapter: string;
}

interface Times {
  /** Of all texts, as often as times were taken. */
  readonly tokens: number;
  /** Null where no token came behind a first. */
  readonly tokens_per_second: number | null;
  readonly first_seconds: number;
  readonly median_seconds: number | null;
  readonly p95_seconds: number | null;
}

async function generate(flags: Flags, signal: AbortSignal): Promise<Generated> {
  const prompts = await promptsOf(flags);
  const tokens = countGiven(flags, "tokens", "tokens") ?? usualTokens;
  const asked = { flags, model: String(flags["MODEL"]), prompts, tokens };
  const repeats = countGiven(flags, "repeat", "times");
  const show = (text: string): void => {
    if (flags["json"] !== true) process.stdout.write(visible(text));
  };
  return writing(asked, signal, async (opened) => {
    const at = flags["ignore-eos"] === true ? { ...opened, ends: new Set<number>() } : opened;
    const texts: Written[] = [];
    const times: (readonly number[])[] = [];
    for (const [i, prompt] of prompts.entries()) {
      if (i > 0) show("\n");
      const { written, seconds } = await write(at, i, prompt, tokens, show);
      show("\n");
      texts.push(written);
      times.push(...(repeats === undefined ? [seconds] : await measured(at, i, tokens, repeats)));
    }
    const { adapter, notes } = at;
    const machine = { gpu_bytes: at.writer.gpuPeak(), bytes_per_token: at.bytesPerToken, adapter };
    const runs = repeats === undefined ? { repeats: 1, warm_ups: 0 } : { repeats, warm_ups: warmUps };
    return { texts, ...runs, ...speedOf(times), ...machine, notes };
  });
}

async function promptsOf(flags: Flags): Promise<readonly Prompt[]> {
  const texts = [flags["prompt"] ?? []].flat().map(String); // an empty one, too, is a text that goes on
  const file = given(flags, "prompts");
  const named = texts.map((text, i) => ({ text, name: texts.length > 1 ? `prompt ${i + 1}` : "the prompt" }));
  const all = [...named, ...(file === undefined ? [] : await readPrompts(file))];
  if (all.length > 0) return all;
  throw new UserError("generate needs a text to continue: add --prompt TEXT or --prompts FILE", { exitCode: 2 });
}

/** Continues one of the prompts; `show` hears the text as it comes, as far as it will not change any more. */
async function write(
  { writer, tokenizer, prompts, ends }: Writing,
  at: number,
  { text: prompt }: Prompt,
  tokens: number,
  show: (text: string) => void,
): Promise<{ readonly written: Written; readonly seconds: readonly number[] }> {
  const begin = prompts[at] ?? [];
  const growing = growingText(tokenizer.decode, begin);
  const onToken = (id: number): void => show(growing.add(id));
  const { ids, because, seconds } = await writer.continueText(begin, { tokens, ends, onToken });
  show(growing.rest());
  const text = tokenizer.decode([...begin, ...ids]).slice(tokenizer.decode(begin).length);
  return { written: { prompt, text, prompt_ids: begin, ids, because }, seconds };
}

/** How long the tokens of a text take, each time that it is written once more. */
async function measured(
  { writer, prompts, ends }: Writing,
  at: number,
  tokens: number,
  repeats: number,
): Promise<readonly (readonly number[])[]> {
  const times: (readonly number[])[] = [];
  for (let written = 1; written < warmUps + repeats; written++) {
    const { seconds } = await writer.continueText(prompts[at] ?? [], { tokens, ends });
    if (written >= warmUps) times.push(seconds);
  }
  return times;
}

/** What a model writes cannot steer a terminal: what has no shape becomes a dot, but for ends of lines. */
const visible = (text: string): string => (process.stdout.isTTY ? text.split("\n").map(readable).join("\n") : text);

/** How fast tokens came, of texts the seconds until each. */
function speedOf(times: readonly (readonly number[])[]): Times {
  const firsts = times.flatMap(([first]) => first ?? []);
  const others = times.flatMap(([, ...rest]) => rest);
  const quantile = (share: number): number | null => (others.length > 0 ? quantileOf(others, share) : null);
  return {
    tokens: firsts.length + others.length,
    tokens_per_second: others.length > 0 ? others.length / others.reduce((sum, each) => sum + each, 0) : null,
    first_seconds: quantileOf(firsts, 0.5),
    median_seconds: quantile(0.5),
    p95_seconds: quantile(0.95),
  };
}

/**
 * `64 tokens: the first after 76 ms, then 480 a second, each in 1.9 ms (median), 2.4 ms (95 %)`, and what the machine did for them:
 * `12.2 MiB of GPU memory; a token moves 2.1 MiB, 1.13 GB/s; on lavapipe: …`
 */
function showSpeed({ tokens, tokens_per_second: rate, first_seconds: first, ...rest }: Speed): readonly string[] {
  const shown = (number: number): string => String(Number(number.toPrecision(3)));
  const milliseconds = (seconds: number | null): string => `${shown(1000 * (seconds ?? 0))} ms`;
  const times =
    rest.warm_ups > 0 ? ` in ${counted(rest.repeats, "time")} behind ${rest.warm_ups} that do not count` : "";
  const begun = `${counted(tokens, "token")}${times}: the first after ${milliseconds(first)}`;
  const memory = `${showBytes(rest.gpu_bytes)} of GPU memory`;
  if (rate === null) return [begun, `${memory}; on ${rest.adapter}`];
  const each = `each in ${milliseconds(rest.median_seconds)} (median), ${milliseconds(rest.p95_seconds)} (95 %)`;
  const moved = `a token moves ${showBytes(rest.bytes_per_token)}, ${shown(rest.bytes_per_token / (rest.median_seconds ?? 0) / 1e9)} GB/s`;
  return [`${begun}, then ${shown(rate)} a second, ${each}`, `${memory}; ${moved}; on ${rest.adapter}`];
}

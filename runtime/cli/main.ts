/** The command line: results on stdout, everything else on stderr; 0 done, 1 a problem, 2 wrong usage, 130 interrupted. */
import "./stderr.ts";
import yargs from "yargs";
import { nearest } from "../../grammar/suggest.ts";
import { fileError } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { commands } from "./commands.ts";
import { knownFlags } from "./flags.ts";
import { stdinPath } from "./host.ts";
import { interrupted } from "./interrupt.ts";
import { report } from "./report.ts";

/** `help run` and `--help run` are `run --help`, `-v` is `--version`; yargs would drop a `-`. */
function normal(args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args.map((arg) => (arg === "-" ? stdinPath : arg));
  if (args.length === 0) return [];
  if (["version", "-v", "-V"].includes(first)) return ["--version", ...rest];
  const isHelp = first === "help" || (["--help", "-h"].includes(first) && rest.length > 0);
  return isHelp ? [...rest, "--help"] : [first, ...rest];
}

/** What a shell asks, while somebody types behind it: `--get-yargs-completions lcomp plan --te`. */
const isCompletion = ([first]: readonly string[]): boolean => first === "--get-yargs-completions";

async function main(args: readonly string[]): Promise<void> {
  const typed = isCompletion(args) ? args.slice(2) : args;
  const parser = yargs([...args])
    .scriptName("lcomp")
    .locale("en")
    .usage("$0 COMMAND\n\nMakes language models smaller, as a recipe says, on any GPU.")
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .demandCommand(1, "a command is missing; lcomp --help lists them")
    .strict()
    .help()
    .alias("help", "h")
    .version()
    .exitProcess(false)
    .fail((message, error) => {
      const isUsage = error === undefined || error.name === "YError";
      throw isUsage ? usageError(error?.message ?? message, args) : error;
    });
  for (const [name, { usage, about, load }] of Object.entries(commands)) {
    const asked = name === typed[0] ? await load(typed) : { builder: {}, handler: () => undefined };
    parser.command({ command: usage, describe: about, ...asked });
  }
  parser.completion("completion", "Print a script with which bash and zsh complete commands and flags");
  const [first] = args;
  if (first === undefined) {
    process.stderr.write(`${await parser.getHelp()}\n`);
    process.exitCode = 2;
    return;
  }
  const names = [...Object.keys(commands), "completion"];
  if (!first.startsWith("-") && !names.includes(first)) throw unknown("command", first, names, "lcomp --help");
  if (first === "completion" && args.some(isMore)) throw usageError(`Unknown argument: ${args.find(isMore)}`, args);
  await parser.parseAsync();
}

/** What stands behind a command that takes nothing. */
const isMore = (arg: string, at: number): boolean => at > 0 && !["--help", "-h"].includes(arg);

/** What yargs says about wrong usage, in our words. */
function usageError(message: string, args: readonly string[]): UserError {
  const [name = ""] = args;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const help = command === undefined ? "lcomp --help" : `lcomp ${name} --help`;
  const wrong = (sentence: string): UserError => new UserError(sentence, { exitCode: 2 });
  const [, bare] = /^Not enough arguments following: (.+)$/.exec(message) ?? [];
  if (bare !== undefined) return wrong(`--${bare} needs a value`);
  const [, flag, given, choices] = /Argument: (\S+), Given: "(.*)", Choices: (.+)$/.exec(message) ?? [];
  if (flag !== undefined) return wrong(`--${flag} ${given} is none of ${choices?.replaceAll('"', "")}`);
  const stray = args.find((arg) => /^-+[a-z]/i.test(arg) && !knownFlags.includes(flagNameOf(arg)));
  if (stray !== undefined) {
    const known = knownFlags.filter((name) => name.length > 1).map((name) => `--${name}`);
    return unknown("flag", stray.replace(/=.*$/s, ""), known, help);
  }
  const [, missing] = /^Missing required arguments?: (.+)$/.exec(message) ?? [];
  if (missing !== undefined) return wrong(`--${missing.replaceAll(", ", " and --")} must be given; ${help} says more`);
  const [, extra] = /^Unknown arguments?: ([^,]+)/.exec(message) ?? [];
  if (extra !== undefined) return wrong(`${extra} is one argument too many; ${help} says more`);
  if (command !== undefined && message.startsWith("Not enough non-option arguments"))
    return wrong(`something is missing: lcomp ${command.usage}; ${help} says more`);
  return wrong(message);
}

/** `text` for `--text=a`. */
const flagNameOf = (arg: string): string => arg.replace(/^-+/, "").replace(/=.*$/s, "");

function unknown(what: string, name: string, known: readonly string[], help: string): UserError {
  const near = nearest(name, known);
  const hint = near === undefined ? `${help} lists what there is` : `did you mean ${near}?`;
  return new UserError(`there is no ${what} ${name}; ${hint}`, { exitCode: 2 });
}

/**
 * Nobody needs to listen: what is said on stderr is lost then, and whoever reads our results may have enough. But results that could
 * not be written elsewhere, on a full disk, were asked for in vain.
 */
process.stderr.on("error", () => undefined);
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || process.exitCode === 1) return;
  process.exitCode = report(fileError(error, "write", "the output"));
});

const args = normal(process.argv.slice(2));
try {
  await main(args);
} catch (error) {
  process.exitCode = isCompletion(args) ? 1 : report(error);
  if (process.exitCode === interrupted) process.exit();
}

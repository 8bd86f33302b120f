/** The command line: results on stdout, everything else on stderr; 0 done, 1 a problem, 2 wrong usage, 130 interrupted. */
import "./stderr.ts";
import yargs, { type CommandModule } from "yargs";
import { nearest } from "../../grammar/suggest.ts";
import { fileError } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { applyCommand } from "./apply.ts";
import { checkCommand } from "./check.ts";
import { compileCommand } from "./compile.ts";
import { docCommand } from "./doc.ts";
import { doctorCommand } from "./doctor.ts";
import { evalCommand } from "./eval.ts";
import { explainCommand } from "./explain.ts";
import { type Flags, knownFlags } from "./flags.ts";
import { fmtCommand } from "./fmt.ts";
import { stdinPath } from "./host.ts";
import { initCommand } from "./init.ts";
import { interrupted } from "./interrupt.ts";
import { listCommand } from "./list.ts";
import { planCommand } from "./plan.ts";
import { report } from "./report.ts";
import { runCommand } from "./run.ts";
import { storeCommand } from "./store.ts";
import { verifyCommand } from "./verify.ts";

/** In the order of the help; those of a recipe find its flags in the arguments. */
const commandsFor = (args: readonly string[]): readonly CommandModule<object, Flags>[] => [
  initCommand,
  runCommand(args),
  planCommand(args),
  applyCommand(args),
  verifyCommand,
  storeCommand,
  evalCommand,
  checkCommand,
  fmtCommand,
  listCommand,
  docCommand,
  explainCommand,
  compileCommand(args),
  doctorCommand,
];

/** `run <RECIPE>` */
const usageOf = ({ command }: CommandModule<object, Flags>): string => String(command);
const nameOf = (command: CommandModule<object, Flags>): string => usageOf(command).split(" ", 1)[0] ?? "";

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
  const commands = commandsFor(isCompletion(args) ? args.slice(2) : args);
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
      throw isUsage ? usageError(error?.message ?? message, args, commands) : error;
    });
  for (const command of commands) parser.command(command);
  parser.completion("completion", "Print a script with which bash and zsh complete commands and flags");
  const [first] = args;
  if (first === undefined) {
    process.stderr.write(`${await parser.getHelp()}\n`);
    process.exitCode = 2;
    return;
  }
  const names = [...commands.map(nameOf), "completion"];
  if (!first.startsWith("-") && !names.includes(first)) throw unknown("command", first, names, "lcomp --help");
  await parser.parseAsync();
}

/** What yargs says about wrong usage, in our words. */
function usageError(
  message: string,
  args: readonly string[],
  commands: readonly CommandModule<object, Flags>[],
): UserError {
  const command = commands.find((each) => nameOf(each) === args[0]);
  const help = command === undefined ? "lcomp --help" : `lcomp ${nameOf(command)} --help`;
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
    return wrong(`something is missing: lcomp ${usageOf(command)}; ${help} says more`);
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

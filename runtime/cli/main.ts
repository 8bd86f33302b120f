/** The command line: results on stdout, everything else on stderr; 0 done, 1 a problem, 2 wrong usage, 130 interrupted. */
import { isatty } from "node:tty";
import yargs from "yargs";
import { PlanError } from "../../compiler/plan/load.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import { nearest } from "../../grammar/suggest.ts";
import { UserError } from "../user-error.ts";
import { checkCommand } from "./check.ts";
import { compileCommand } from "./compile.ts";
import { doctor } from "./doctor.ts";
import { evalCommand } from "./eval.ts";
import { explainCommand } from "./explain.ts";
import { flag, knownFlags } from "./flags.ts";
import { fmtCommand } from "./fmt.ts";
import { interrupted } from "./interrupt.ts";
import { planCommand } from "./plan.ts";
import { runCommand } from "./run.ts";

const commands = ["run", "plan", "eval", "check", "fmt", "explain", "compile", "doctor"];

async function main(args: readonly string[]): Promise<void> {
  const [first] = args;
  if (first !== undefined && !first.startsWith("-") && !commands.includes(first))
    throw unknown("command", first, commands);
  const command = args.find((arg) => !arg.startsWith("-"));
  const recipeArgs = (name: string): readonly string[] => (command === name ? args : []);
  await yargs([...args])
    .scriptName("lcomp")
    .locale("en")
    .usage("$0 COMMAND\n\nMakes language models smaller, as a recipe says, on any GPU.")
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "duplicate-arguments-array": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .command(runCommand(recipeArgs("run")))
    .command(planCommand(recipeArgs("plan")))
    .command(evalCommand)
    .command(checkCommand)
    .command(fmtCommand)
    .command(explainCommand)
    .command(compileCommand(recipeArgs("compile")))
    .command({
      command: "doctor",
      describe: "Show adapters, their features, and what to install if there is none",
      builder: (parser) => parser.options({ json: flag("print the report as JSON") }),
      handler: async ({ json }) => {
        process.exitCode = await doctor({ json: json === true });
      },
    })
    .demandCommand(1, "Give a command; lcomp --help lists them.")
    .strict()
    .help()
    .version()
    .exitProcess(false)
    .fail((message, error) => {
      throw error === undefined || error.name === "YError" ? usageError(error?.message ?? message) : error;
    })
    .parseAsync();
}

/** What yargs says about wrong usage, with the flag that was probably meant. */
function usageError(message: string): UserError {
  const [, missing] = /^Missing required arguments?: (.+)$/.exec(message) ?? [];
  if (missing !== undefined)
    return new UserError(`--${missing.replaceAll(", ", " and --")} must be given`, { exitCode: 2 });
  if (message.startsWith("Not enough non-option arguments"))
    return new UserError("something must be named here: COMMAND --help says what", { exitCode: 2 });
  const [, bare] = /^Not enough arguments following: (.+)$/.exec(message) ?? [];
  if (bare !== undefined) return new UserError(`--${bare} needs a value`, { exitCode: 2 });
  const [, flag, given, choices] = /Argument: (\S+), Given: "(.*)", Choices: (.+)$/.exec(message) ?? [];
  if (flag !== undefined)
    return new UserError(`--${flag} ${given} is none of ${choices?.replaceAll('"', "")}`, { exitCode: 2 });
  const [, names] = /^Unknown arguments?: (.+)$/.exec(message) ?? [];
  const [name] = names?.split(", ") ?? [];
  return name === undefined
    ? new UserError(message, { exitCode: 2 })
    : unknown(
        "flag",
        `--${name}`,
        knownFlags.map((known) => `--${known}`),
      );
}

function unknown(what: string, name: string, known: readonly string[]): UserError {
  const near = nearest(name, known);
  const hint = near === undefined ? "lcomp --help lists what there is" : `did you mean ${near}?`;
  return new UserError(`there is no ${what} ${name}; ${hint}`, { exitCode: 2 });
}

/** Writes what went wrong and returns the exit status. Only a bug shows more than a message, and only where it is asked for. */
function report(error: unknown): number {
  const isDebugging = process.env["LCOMP_DEBUG"] !== undefined;
  if (isDebugging && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (error instanceof CompileError) {
    const isColoured = isatty(2) && process.env["NO_COLOR"] === undefined;
    process.stderr.write(`${error.diagnostics.map((each) => render(each, isColoured)).join("\n\n")}\n`);
    return 1;
  }
  const message = error instanceof Error ? error.message : String(error);
  const isExpected = error instanceof UserError || error instanceof PlanError;
  const bug = "This is a bug in lcomp; LCOMP_DEBUG=1 shows where.";
  process.stderr.write(isExpected ? `lcomp: ${message}\n` : `lcomp: ${message.split("\n", 1)[0]}\n${bug}\n`);
  return error instanceof UserError ? error.exitCode : 1;
}

/** Whoever reads our output may stop: then there is nobody left to tell. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(process.exitCode ?? 0);
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
  if (process.exitCode === interrupted) process.exit();
}

/** The commands, in the order of the help. What one of them needs is loaded once it is asked for. */
import type { Command } from "./flags.ts";

export interface Listed {
  /** `run <RECIPE>` */
  readonly usage: string;
  readonly about: string;
  /** Those that take a recipe find its flags in the arguments. */
  readonly load: (args: readonly string[]) => Promise<Command>;
}

export const commands: Readonly<Record<string, Listed>> = {
  init: {
    usage: "init <MODEL>",
    about: "Write a recipe for a model, with comments and a budget",
    load: async () => (await import("./init.ts")).initCommand,
  },
  run: {
    usage: "run <RECIPE>",
    about: "Compile a recipe and carry it out",
    load: async (args) => (await import("./run.ts")).runCommand(args),
  },
  plan: {
    usage: "plan <RECIPE>",
    about: "Show what a recipe would do, from headers alone",
    load: async (args) => (await import("./plan.ts")).planCommand(args),
  },
  apply: {
    usage: "apply <PLAN>",
    about: "Carry out a plan from a file, exactly as it is",
    load: async (args) => (await import("./apply.ts")).applyCommand(args),
  },
  verify: {
    usage: "verify <DIR>",
    about: "Compare a result with its lock",
    load: async () => (await import("./verify.ts")).verifyCommand,
  },
  compare: {
    usage: "compare <RESULT..>",
    about: "Put results side by side: size, loss, and which are best of their size",
    load: async () => (await import("./compare.ts")).compareCommand,
  },
  store: {
    usage: "store <DIR>",
    about: "List what a store holds of the steps of earlier runs",
    load: async () => (await import("./store.ts")).storeCommand,
  },
  eval: {
    usage: "eval <MODEL>",
    about: "Measure how well a model predicts a text and answers the questions of tasks",
    load: async () => (await import("./eval.ts")).evalCommand,
  },
  generate: {
    usage: "generate <MODEL>",
    about: "Let a model continue texts, and measure how fast it does",
    load: async () => (await import("./generate.ts")).generateCommand,
  },
  check: {
    usage: "check <FILE..>",
    about: "Find what is wrong with .lcomp files, without a model",
    load: async () => (await import("./check.ts")).checkCommand,
  },
  fmt: {
    usage: "fmt <FILE..>",
    about: "Bring .lcomp files into canonical form",
    load: async () => (await import("./fmt.ts")).fmtCommand,
  },
  list: {
    usage: "list [WHAT]",
    about: "List what the library has: methods, architectures, recipes, formats, functions",
    load: async () => (await import("./list.ts")).listCommand,
  },
  doc: {
    usage: "doc <NAME..>",
    about: "Show what the library has under a name: what it is, what it takes, and the paper",
    load: async () => (await import("./doc.ts")).docCommand,
  },
  explain: {
    usage: "explain [PROBLEM]",
    about: "Explain a problem by the name behind its message, or list all",
    load: async () => (await import("./explain.ts")).explainCommand,
  },
  compile: {
    usage: "compile <RECIPE>",
    about: "Print what the compiler makes of a recipe on its way",
    load: async (args) => (await import("./compile.ts")).compileCommand(args),
  },
  doctor: {
    usage: "doctor",
    about: "Show adapters, their features, and what to install if there is none",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
};

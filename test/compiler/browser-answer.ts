/** What is asked of the compiler in Node and in a browser alike. */
import { check } from "../../compiler/check.ts";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import type { Host } from "../../compiler/host.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { showPlan } from "../../compiler/plan/plan-file.ts";
import { render } from "../../grammar/render.ts";

type Header = ModelFacts["tensors"] extends ReadonlyMap<string, infer Tensor> ? Tensor : never;

/** All of it is JSON. */
export interface Question {
  /** Names and texts. */
  readonly modules: Readonly<Record<string, string>>;
  /** The name of a module that is checked. */
  readonly checked: string;
  /** The name of a recipe of a model and a text that is planned. */
  readonly planned: string;
  readonly model: Pick<ModelFacts, "name" | "config"> & { readonly tensors: readonly (readonly [string, Header])[] };
  /** In each split of the text. */
  readonly tokens: number;
  readonly device: DeviceFacts;
}

export interface Answer {
  readonly problems: readonly string[];
  readonly plan: string;
}

export function answer(question: Question): Answer {
  const { modules, model, tokens, device } = question;
  const host: Host = {
    read: (path) => {
      const text = modules[path];
      return text === undefined ? undefined : { path, text };
    },
    library: Object.keys(modules).filter((name) => name.startsWith("std/")),
  };
  const inputs = {
    parameters: new Map(),
    models: new Map([["model", { ...model, tensors: new Map(model.tensors) }]]),
    corpora: new Map([["text", { tokens: { train: tokens, validation: tokens, test: tokens } }]]),
  };
  return {
    problems: check(host, question.checked).problems.map((problem) => render(problem)),
    plan: showPlan(plan(loadRecipe(host, question.planned), inputs, device)),
  };
}

/** The plan's form as a JTD schema, held to the types of plan.ts and program.ts by the compiler. Its order is the order of the file. */
import type { JTDSchemaType } from "ajv/dist/jtd.js";
import type { Repeat } from "./abridged.ts";
import type { DeviceFacts } from "./device-facts.ts";
import { dtypes } from "./dtype.ts";
import { type Plan, taskParts, type WindowsRecord } from "./plan.ts";
import type { Buffer, Dispatch, Kernel, Program, Slot } from "./program.ts";
import type { SaveRecord, Step, ValueRecord } from "./step.ts";

const text = { type: "string" } as const;
const texts = { elements: text } as const;
const count = { type: "uint32" } as const;
/** Beyond 32 bits. */
const size = { type: "float64" } as const;
const flag = { type: "boolean" } as const;

export const deviceSchema: JTDSchemaType<DeviceFacts> = {
  properties: {
    kind: { enum: ["gpu", "lavapipe", "swiftshader", "software", "null"] },
    software: flag,
    hasF16: flag,
    hasSubgroups: flag,
    subgroupMinSize: count,
    subgroupMaxSize: count,
    subgroupMatrices: { elements: { properties: { component: text, result: text, M: count, N: count, K: count } } },
    maxStorageBufferBindingSize: size,
    maxBufferSize: size,
    maxStorageBuffersPerShaderStage: count,
    maxComputeInvocationsPerWorkgroup: count,
    maxComputeWorkgroupStorageSize: count,
    maxComputeWorkgroupsPerDimension: count,
  },
};

const kernel: JTDSchemaType<Kernel> = {
  properties: {
    hash: text,
    wgsl: text,
    bindings: { elements: { enum: ["read", "read_write"] } },
    features: { elements: { enum: ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] } },
  },
};

const slot: JTDSchemaType<Slot> = {
  properties: {
    name: text,
    role: { enum: ["weight", "data", "state", "output", "accumulator"] },
    dtype: { enum: [...dtypes] },
    dims: { elements: { properties: { name: text, size: count } } },
  },
  optionalProperties: { accumulate: { enum: ["sum", "max", "min"] } },
};

const buffer: JTDSchemaType<Buffer> = {
  properties: { id: count, bytes: size },
  optionalProperties: { slot, region: count },
};

/** JTD has no tuples: load.ts checks that `workgroups` are three. */
type Listed<T> = Omit<T, "workgroups"> & { readonly workgroups: readonly number[] };

const dispatch: JTDSchemaType<Listed<Dispatch>> = {
  properties: {
    kernel: text,
    bindings: { elements: { properties: { buffer: count, offset: size, bytes: size } } },
    workgroups: { elements: count },
    origin: texts,
    bytesMoved: size,
    operations: size,
    shape: text,
  },
};

/** A program with the first turns alone of dispatches that repeat themselves; `at` counts what is written. */
export interface ProgramFile extends Omit<Program, "setup" | "main"> {
  readonly setup: readonly Listed<Dispatch>[];
  readonly main: readonly Listed<Dispatch>[];
  readonly repeats: readonly (Repeat & { readonly list: "setup" | "main" })[];
}

const program: JTDSchemaType<ProgramFile> = {
  properties: {
    name: text,
    graph: text,
    buffers: { elements: buffer },
    regions: { elements: { properties: { bytes: size, lasts: flag } } },
    setup: { elements: dispatch },
    main: { elements: dispatch },
    repeats: {
      elements: { properties: { list: { enum: ["setup", "main"] }, at: count, period: count, times: count } },
    },
  },
};

const split = { enum: ["train", "validation", "test", ...taskParts] } satisfies JTDSchemaType<WindowsRecord["split"]>;

const windows = {
  properties: { corpus: text, split, length: count, count, seed: { type: "float64", nullable: true } },
} satisfies JTDSchemaType<WindowsRecord>;

const step: JTDSchemaType<StepInFile> = {
  properties: {
    program: text,
    reads: { values: text },
    over: { type: "uint32", nullable: true },
    checks: { elements: { properties: { output: text, must: { enum: ["finite", "none", "some"] }, otherwise: text } } },
    durable: texts,
    places: { values: { enum: ["host", "disk"] } },
    part: {
      properties: {
        stage: { type: "uint32", nullable: true },
        of: text,
        layer: { type: "uint32", nullable: true },
        what: text,
      },
      optionalProperties: {
        purpose: { enum: ["save", "check", "compare"] },
        changes: {
          properties: { tensor: text, outputs: texts },
          optionalProperties: { of: count, zeros: text },
        },
      },
    },
  },
};

const value: JTDSchemaType<ValueInFile> = {
  properties: {
    kind: { enum: ["report", "expect", "side", "compare"] },
    text,
    of: { properties: { measure: text, model: text }, nullable: true },
    place: text,
  },
  optionalProperties: {
    known: { type: "float64" },
    from: text,
    compared: {
      properties: {
        with: text,
        over: count,
        at: { elements: { properties: { layer: { type: "uint32", nullable: true }, what: text } } },
      },
    },
  },
};

const savedTensors: JTDSchemaType<SaveRecord<string>["tensors"]> = {
  elements: {
    properties: { name: text, dtype: text, shape: { elements: size }, from: text },
    optionalProperties: {
      blocks: {
        properties: { of: text, format: text, shape: { elements: size }, start: size, width: size, stride: size },
      },
    },
  },
};

const save: JTDSchemaType<SaveRecord<string>> = {
  properties: {
    format: text,
    of: text,
    origin: text,
    config: { values: size },
    quantization: { type: "string", nullable: true },
    tensors: savedTensors,
  },
  optionalProperties: {
    flags: { values: { type: "boolean" } },
    adapter: { properties: { config: text, tensors: savedTensors } },
    check: {
      properties: {
        model: text,
        headers: text,
        from: count,
        over: count,
        values: { properties: { loss: text, saved_loss: text, kl: text } },
        tolerance: { type: "float64" },
      },
    },
  },
};

/** A step whose references are text, as `references.ts` writes them; so are those of values and of what is saved. */
interface StepInFile extends Omit<Step, "reads"> {
  readonly reads: Readonly<Record<string, string>>;
}

interface ValueInFile extends Omit<ValueRecord, "value"> {
  readonly known?: number;
  readonly from?: string;
}

/** A plan as it lies in a file: with its hash, and with the lists that picks choose from, each once. */
export interface PlanFile extends Omit<Plan, "version" | "programs" | "steps" | "values" | "saves"> {
  readonly version: number;
  readonly hash: string;
  readonly choices: readonly (readonly string[])[];
  readonly steps: readonly StepInFile[];
  readonly values: readonly ValueInFile[];
  readonly saves: readonly SaveRecord<string>[];
  readonly programs: readonly ProgramFile[];
}

export const planSchema: JTDSchemaType<PlanFile> = {
  properties: {
    version: { type: "uint8" },
    hash: text,
    recipe: {
      properties: {
        name: text,
        doc: text,
        text,
        parameters: { elements: { properties: { name: text, value: text } } },
        sources: { elements: { properties: { module: text, sha256: text } } },
      },
    },
    models: {
      elements: {
        properties: { name: text, architecture: text, headers: text, layers: count, bytes: size },
        optionalProperties: { contents: { values: text } },
      },
    },
    corpora: {
      elements: {
        properties: { name: text, splits: { elements: { properties: { split, tokens: count, sha256: text } } } },
      },
    },
    device: deviceSchema,
    peaks: { properties: { gpu: size, host: size } },
    windows: { elements: windows },
    stages: { elements: { properties: { name: text, action: text, of: text } } },
    choices: { elements: texts },
    steps: { elements: step },
    values: { elements: value },
    saves: { elements: save },
    programs: { elements: program },
    kernels: { elements: kernel },
  },
};

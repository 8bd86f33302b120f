/** Families of small models that test/peers has recorded, each a config and the shapes of tensors, of which rows change some. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../runtime/io/file.ts";
import { bare, values } from "../given/weights.ts";
import { suite } from "../harness/suite.ts";
import {
  type Exceptions,
  fileBytes,
  float32,
  judge,
  openEvaluations,
  type Recorded,
  type Row,
  recorded,
  type Tensors,
} from "./transformers.ts";

export interface FamilyRow extends Row {
  readonly family: string;
  /** Shapes of tensors that are not those of the family, null for those that the row lacks. */
  readonly tensors: { readonly [name: string]: readonly number[] | null };
  /** Names are stored without their first part. */
  readonly bare: boolean;
}

interface Family {
  readonly config: JsonObject;
  readonly tensors: { readonly [name: string]: readonly number[] };
}

export interface Families<R extends FamilyRow = FamilyRow> extends Recorded<R> {
  readonly families: { readonly [name: string]: Family };
}

/** The shapes of the tensors of a row. */
export const shapesOf = (
  { families }: Pick<Families, "families">,
  { family, tensors }: Pick<FamilyRow, "family" | "tensors">,
): FamilyRow["tensors"] => ({
  ...families[family]?.tensors,
  ...tensors,
});

/** Tensors of these shapes, by the formula of their names. */
export const tensorsOf = (shapes: FamilyRow["tensors"], isBare = false): Tensors =>
  new Map(
    Object.entries(shapes).flatMap(([name, shape]) =>
      shape ? [[isBare ? bare(name) : name, float32(shape, values(name, shape))] as const] : [],
    ),
  );

/** Writes the model of a row of architectures.json or mixtures.json into a folder. */
export function writeRow(folder: string, name: string): void {
  const records = ["architectures.json", "mixtures.json"].map((file) => recorded<FamilyRow>(file) as Families);
  const record = records.find((each) => each.rows.some((row) => row.name === name));
  const row = record?.rows.find((each) => each.name === name);
  if (!record || !row) throw new Error(`there is no row ${name}`);
  const base = record.families[row.family]?.config ?? {};
  const kept = Object.entries({ ...base, ...row.config }).filter(([key]) => !row.drop.includes(key));
  writeFileSync(join(folder, "config.json"), JSON.stringify(Object.fromEntries(kept)));
  writeFileSync(join(folder, "model.safetensors"), fileBytes(tensorsOf(shapesOf(record, row), row.bare)));
}

/** A test for each row of a record, or of some families in it: the loss that Transformers has, or what is listed. */
export async function testFamilies(
  title: string,
  file: string,
  exceptions: Exceptions,
  isOf: (family: string) => boolean = () => true,
): Promise<void> {
  const record = recorded<FamilyRow>(file) as Families;
  const evaluations = await openEvaluations(record);
  suite(`${title} as Transformers ${record.versions["transformers"]} reads them`, ({ test }) => {
    for (const row of record.rows.filter(({ family }) => isOf(family))) {
      test(row.name, async () => {
        const base = record.families[row.family]?.config ?? {};
        const shapes = shapesOf(record, row);
        const found = await evaluations.evaluate(row, base, JSON.stringify([shapes, row.bare]), async () =>
          tensorsOf(shapes, row.bare),
        );
        judge(row, found, record, exceptions);
      });
    }

    test("the device and the folder are given back", () => evaluations.close());
  });
}

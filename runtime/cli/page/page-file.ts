/** The file of a page: where none may go is said before the work, and the page is there whole or not at all. */
import { accessSync, closeSync, constants, existsSync, lstatSync, openSync, readSync, statSync } from "node:fs";
import { dirname, relative } from "node:path";
import { type Input, requireApart } from "../../io/apart.ts";
import { explainedNow } from "../../io/file.ts";
import { finalTarget } from "../../io/folders.ts";
import { hiddenBeside } from "../../io/unfinished.ts";
import { writeWhole } from "../../io/whole-file.ts";
import { UserError } from "../../user-error.ts";
import { pageStart } from "./html.ts";

export interface PageFile {
  /** As people know it from where they are. */
  readonly shown: string;
  readonly write: (text: string) => void;
}

interface PageOptions {
  /** What must outlast it. */
  readonly inputs: readonly Input[];
  /** Allows to replace an earlier page. */
  readonly force: boolean;
}

/** Opens a place for a page: where no file is, or in the place of another page. */
export function pageFile(path: string, options: PageOptions): PageFile {
  const target = finalTarget(path);
  const way = relative("", target);
  requireFree(target, options);
  return {
    shown: way.startsWith("..") ? target : way,
    write: (text) => {
      requireFree(target, options);
      writeWhole(target, text);
    },
  };
}

function requireFree(path: string, { inputs, force }: PageOptions): void {
  requireApart(path, inputs);
  explainedNow("write", path, () => {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) return requireRoom(path);
    if (status.isDirectory()) throw new UserError(`cannot write ${path}: a folder is there; choose another --report`);
    if (!status.isFile() || status.size === 0) return;
    accessSync(path, constants.W_OK);
    if (startOf(path) !== pageStart)
      throw new UserError(`will not write ${path}: a file is there that is no report; choose another --report`);
    if (!force)
      throw new UserError(
        `cannot write ${path}: an earlier report is there; choose another --report or add --force to replace it`,
      );
  });
}

/** That a file can be made, under the hidden name that it has at first, too. */
function requireRoom(path: string): void {
  const folder = dirname(path);
  lstatSync(hiddenBeside(path, "partial"), { throwIfNoEntry: false });
  if (!existsSync(folder)) throw new UserError(`cannot write ${path}: there is no folder ${folder}; make it first`);
  accessSync(folder, constants.W_OK);
}

/** As many bytes as a page of ours begins with. */
function startOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(Buffer.byteLength(pageStart));
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

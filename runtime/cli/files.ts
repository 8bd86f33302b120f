/** Commands over many files: folders stand for all .lcomp files below them, and one wrong file hides no other. */
import { existsSync, globSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { UserError } from "../user-error.ts";
import { report } from "./report.ts";
import { counted, lines, say } from "./terminal.ts";

/**
 * Does something with each file, and at the end says what was wrong with any, with counts; the exit status is then 1. Returns how
 * many files there were and whether all went well.
 */
export function overFiles(
  given: readonly string[],
  work: (path: string) => void,
): { readonly count: number; readonly isWell: boolean } {
  const files = [...new Set(given.flatMap(filesAt))];
  const problems: Diagnostic[] = [];
  const others: UserError[] = [];
  let wrong = 0;
  for (const file of files) {
    try {
      work(file);
    } catch (error) {
      wrong += 1;
      if (error instanceof CompileError) problems.push(...error.diagnostics);
      else if (error instanceof UserError) others.push(error);
      else throw error;
    }
  }
  for (const error of others) report(error);
  if (problems.length > 0) report(new CompileError(problems));
  if (wrong > 0) process.exitCode = 1;
  if (wrong > 0 && files.length > 1) {
    const found = counted(problems.length + others.length, "problem");
    say(process.stderr, lines(`${found} in ${wrong} of ${files.length} files`));
  }
  return { count: files.length, isWell: wrong === 0 };
}

/** A file as it is; of a folder all .lcomp files, but for what lies in packages and in hidden folders. */
function filesAt(path: string): readonly string[] {
  if (!isFolder(path)) return [path];
  const isLeftOut = (entry: string): boolean => entry === "node_modules" || (entry.startsWith(".") && entry !== ".");
  const found = globSync("**/*.lcomp", { cwd: path, exclude: (entry) => isLeftOut(basename(entry)) });
  const files = found.map((file) => join(path, file)).filter((file) => !isFolder(file));
  if (files.length === 0) throw new UserError(`there is no .lcomp file in ${path}`);
  return files.sort();
}

/** A link may lead in a circle: then there is nothing. */
const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

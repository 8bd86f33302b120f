/** A terminal in memory: what stands on it after what was written. */

/** A control sequence, or a character. */
const sequence = new RegExp(`${"\u001b"}\\[\\d*[A-Z]|[\\s\\S]`, "gu");

/** A terminal that shows what is written to it: lines that wrap, and the control sequences that lcomp uses. */
export function screen(columns: number) {
  let rows = [""];
  let [row, column] = [0, 0];
  const terminal = {
    isTTY: true,
    columns,
    write: (text: string) => {
      for (const piece of text.match(sequence) ?? []) put(piece);
      return true;
    },
    /** The window gets another width; lines that are too long for it are broken, as most terminals do. */
    resize: (width: number) => {
      const cursor = rows.slice(0, row).reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
      rows = rows.flatMap((line) => line.match(new RegExp(`.{1,${width}}`, "gu")) ?? [""]);
      row = cursor + Math.max(0, Math.ceil(column / width) - 1);
      column = column % width;
      terminal.columns = width;
    },
    shown: () => rows.map((line) => line.trimEnd()).join("\n"),
    widest: () => Math.max(...rows.map((line) => [...line].length)),
  };
  function put(piece: string): void {
    const line = rows[row] ?? "";
    if (piece === "\n") [row, column] = [row + 1, 0];
    else if (piece === "\r") column = 0;
    else if (piece === "\u001b[J") rows = [...rows.slice(0, row), line.slice(0, column)];
    else if (piece.startsWith("\u001b")) row -= Number(/\d+/.exec(piece)?.[0] ?? 1);
    else {
      if (column === terminal.columns) [row, column] = [row + 1, 0];
      const at = rows[row] ?? "";
      rows[row] = `${at.slice(0, column).padEnd(column)}${piece}${at.slice(column + 1)}`;
      column += 1;
    }
    rows[row] ??= "";
  }
  return terminal;
}

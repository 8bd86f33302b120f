/** Where launch.mjs has put a filter before file descriptor 2, `process.stderr` is the descriptor that it names. */
import { writeSync } from "node:fs";
import { Writable } from "node:stream";
import { isatty, WriteStream } from "node:tty";

/** A terminal with its size, or a file, pipe or socket; all are written at once, as Node's own stderr is on Linux. */
function streamOn(descriptor: number): Writable {
  if (!isatty(descriptor))
    return new Writable({
      decodeStrings: true,
      write: (chunk: Buffer, _encoding, done) => {
        try {
          for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
          done();
        } catch (error) {
          done(error as Error);
        }
      },
    });
  const terminal = new WriteStream(descriptor);
  process.on("SIGWINCH", () => {
    [terminal.columns, terminal.rows] = terminal.getWindowSize();
  });
  return terminal;
}

const { LCOMP_STDERR: descriptor } = process.env;
if (descriptor !== undefined) {
  delete process.env["LCOMP_STDERR"];
  Object.defineProperty(process, "stderr", { value: streamOn(Number(descriptor)), configurable: true });
}

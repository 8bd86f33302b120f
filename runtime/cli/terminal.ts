/** What people read on a terminal. */
import { readable } from "../../grammar/render.ts";

/**
 * Lines of text, each ended. Names from files and drivers may hold anything: what has no shape, line ends included, becomes a dot,
 * so that no name can steer the terminal or pass for a line of its own.
 */
export const lines = (...texts: readonly string[]): string => texts.map((text) => `${readable(text)}\n`).join("");

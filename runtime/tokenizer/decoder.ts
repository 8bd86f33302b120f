/** Tokens to text, exactly as Hugging Face's Rust library does it by the decoder of a tokenizer.json. */
import { replacing } from "./normalizers.ts";
import { flag, optionalText, type Part, partOf, parts, text, unsupported } from "./part.ts";
import { byteCharacters } from "./pre-tokenizers.ts";

/** A step on the way from the texts of tokens to one text. */
type Decoder = (tokens: readonly string[]) => readonly string[];

/** What makes a text of the texts of tokens; null stands for a definition without a decoder, which joins them with spaces. */
export function decoderOf(value: unknown, file: string): (tokens: readonly string[]) => string {
  if (value === null || value === undefined) return (tokens) => tokens.join(" ");
  const decode = decoder(partOf(value, file, "decoder"));
  return (tokens) => decode(tokens).join("");
}

function decoder(part: Part): Decoder {
  const type = text(part, "type");
  switch (type) {
    case "Sequence": {
      const all = parts(part, "decoders").map(decoder);
      return (tokens) => all.reduce((done, next) => next(done), tokens);
    }
    case "ByteLevel":
      return byteLevel;
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Replace": {
      const replace = replacing(part);
      return (tokens) => tokens.map(replace);
    }
    case "Strip":
      return stripping(text(part, "content"), countOf(part, "start"), countOf(part, "stop"));
    case "Metaspace":
      return metaspace(part);
    case "WordPiece":
      return wordPiece(text(part, "prefix"), flag(part, "cleanup", true));
    case "BPEDecoder": {
      const suffix = optionalText(part, "suffix") ?? "</w>";
      return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? "" : " "));
    }
    default:
      throw unsupported(part, `the decoder ${type}`);
  }
}

const countOf = ({ fields }: Part, key: string): number => Number(fields[key] ?? 0);

const byCharacter: ReadonlyMap<string, number> = new Map(byteCharacters.map((character, byte) => [character, byte]));
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Characters stand for bytes; a token with one that stands for none is taken as it is. */
function byteLevel(tokens: readonly string[]): readonly string[] {
  const bytes = tokens.flatMap((token) => {
    const found = [...token].map((character) => byCharacter.get(character));
    return found.every((byte) => byte !== undefined) ? found : [...Buffer.from(token)];
  });
  return [utf8.decode(Uint8Array.from(bytes))];
}

/** Runs of `<0x0A>` are bytes of a text; what is no text is a � for each. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const done: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) done.push(textOf(bytes));
    bytes = [];
  };
  for (const token of tokens) {
    const [, byte] = /^<0x([0-9A-Fa-f]{2})>$/.exec(token) ?? [];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      done.push(token);
    }
  }
  flush();
  return done;
}

function textOf(bytes: readonly number[]): string {
  try {
    return strictUtf8.decode(Uint8Array.from(bytes));
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}

/** Takes at most so many of a character from both ends of each token. */
function stripping(content: string, start: number, stop: number): Decoder {
  const ending = (characters: readonly string[], most: number): number => {
    const other = characters.slice(0, most).findIndex((character) => character !== content);
    return other < 0 ? Math.min(most, characters.length) : other;
  };
  return (tokens) =>
    tokens.map((token) => {
      const characters = Array.from(token);
      const end = characters.length - ending(characters.toReversed(), stop);
      return characters.slice(ending(characters, start), end).join("");
    });
}

/** Marks are spaces, but for those of the first token, where one was put in front of the text. */
function metaspace(part: Part): Decoder {
  const mark = optionalText(part, "replacement") ?? "▁";
  const scheme = optionalText(part, "prepend_scheme") ?? (flag(part, "add_prefix_space", true) ? "always" : "never");
  return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && scheme !== "never" ? "" : " "));
}

/** What `cleanup` writes without the space in front of it, in the order in which it does. */
const contracted: readonly (readonly [from: string, to: string])[] = [
  ...[" .", " ?", " !", " ,"].map((from) => [from, from.slice(1)] as const),
  [" ' ", "'"],
  ...[" n't", " 'm"].map((from) => [from, from.slice(1)] as const),
  [" do not", " don't"],
  ...[" 's", " 've", " 're"].map((from) => [from, from.slice(1)] as const),
];

function wordPiece(prefix: string, isCleaned: boolean): Decoder {
  return (tokens) =>
    tokens.map((token, i) => {
      const word = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return isCleaned ? contracted.reduce((done, [from, to]) => done.replaceAll(from, to), word) : word;
    });
}

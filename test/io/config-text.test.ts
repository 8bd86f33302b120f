/** What a result's config.json has of the given one: all of its text but the values that change. */
import * as assert from "uvu/assert";
import { withFields, withoutPath } from "../../runtime/io/config-text.ts";
import { parseJson } from "../../runtime/io/file.ts";
import { suite } from "../harness/suite.ts";

const given = String.raw`{
  "hidden_size": 64,
  "eps": 1e-05, "softcapping":30.0 ,
  "zero": [-0.0, 1E5, 1e+400, -0],
  "huge": 9007199254740993, "hu\u0067er": 123456789012345678901234567890,
  "a \"hidden_size\": 1, [": "},]\\",
  "10": null, "2": {}, "__proto__": [],
  "limits": [0.0, Infinity], "nan": NaN,
  "rope_parameters": {
    "full_attention": {"rope_theta": 1000000.0, "hidden_size": 1.50, "layer_types": ["a", "b"]}
  },
  "layer_types": [
    {"kind": "x", "scale": [1.0, {}]},
    {"kind": "x", "scale": [1.0, {}]},
    {"kind": "x", "scale": [1.0, {}]}
  ],
  "caps": [30.0,30.0, 3e1 ],
  "ratio": 4.0, "other": 1e2, "negative": -1, "none": null,
  "hidden_size" : 128
}
`;

/** The text with other pieces, each of which it has once. */
const changed = (...pieces: readonly (readonly [old: string, value: string])[]): string =>
  pieces.reduce((text, [old, value]) => {
    assert.is(text.split(old).length, 2, old);
    return text.replace(old, value);
  }, given);

suite("io: the text of config.json", ({ test }) => {
  test("nothing changes where no field does", () => {
    for (const text of [given, "{}", " { } \n", '\ufeff{"a":1}', '{"a":[ ]}', given.replace(/\n/g, "\r\n")])
      assert.is(withFields(text, {}), text);
  });

  test("a number takes the place of the last of its name, outside of all others", () => {
    assert.is(withFields(given, { hidden_size: 96 }), changed(['"hidden_size" : 128', '"hidden_size" : 96']));
    assert.is(withFields(given, { huger: 7 }), changed(["123456789012345678901234567890", "7"]));
    assert.is(withFields(given, { none: 7, negative: 5 }), changed(["-1, ", "5, "], ['"none": null', '"none": 7']));
    assert.is(withFields(given, JSON.parse('{"__proto__": 0}')), given);
  });

  test("a float becomes a float, a whole number a whole one", () => {
    const text = withFields(given, { ratio: 8, other: 50, eps: 0.5, softcapping: 1e21, huge: 2 ** 31 });
    const numbers = [
      ["4.0,", "8.0,"],
      ["1e2,", "50.0,"],
      ["1e-05", "0.5"],
      [":30.0 ,", ":1e+21,"],
      ["9007199254740993", "2147483648"],
    ] as const;
    assert.is(text, changed(...numbers));
  });

  test("of a list the first elements stay, as they are written", () => {
    assert.is(withFields(given, { caps: 2 }), changed([",30.0, 3e1 ]", ",30.0 ]"]));
    assert.is(withFields(given, { caps: 0, limits: 1 }), changed(["30.0,30.0, 3e1 ", " "], ["0.0, Infinity", "0.0"]));
    const last = ',\n    {"kind": "x", "scale": [1.0, {}]}\n  ]';
    assert.is(withFields(given, { layer_types: 2 }), changed([last, "\n  ]"]));
  });

  test("a field that is not there is the last, set like the one before it", () => {
    assert.is(withFields(given, { head_dim: 4 }), changed([": 128\n}", ': 128,\n  "head_dim": 4\n}']));
    assert.is(withFields('{"a":1}', { b: 2, c: 3 }), '{"a":1,"b": 2,"c": 3}');
    assert.is(withFields("{ }", { 'b"': 2 }), '{"b\\"": 2 }');
  });

  test("it means what it meant, and what was changed", () => {
    const value = parseJson(withFields(given, { hidden_size: 96, layer_types: 1, head_dim: 4 }), "config.json");
    const before = parseJson(given, "config.json") as Readonly<Record<string, unknown>>;
    assert.equal(value, {
      ...before,
      ...{ hidden_size: 96, layer_types: [{ kind: "x", scale: [1, {}] }], head_dim: 4 },
    });
  });

  test("megabytes of it take no longer than they must", () => {
    const [spaces, text] = [" ".repeat(2 ** 22), '\\\\\\"[,'.repeat(2 ** 20)];
    const large = (list: string): string =>
      `{${spaces}"a":${spaces}"${text}"${spaces},"b":[${list}${spaces}]${spaces}}`;
    assert.ok(withFields(large(`1${spaces},2`), { b: 1 }) === large(`1${spaces}`));
  });

  test("a path of a machine does not travel", () => {
    const named = (name: string): string => `{"eps": 1.0, "_name_or_path": "${name}"}`;
    assert.is(withoutPath(`\ufeff${named("./a/b")}`), named(""));
    assert.is(withoutPath(named("org/name")), named("org/name"));
  });
});

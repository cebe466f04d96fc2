// Runs in the jail before a test file: gives it what test runners give.
const test = require("node:test");
const assert = require("node:assert");

for (const name of ["describe", "it", "before", "after", "beforeEach", "afterEach"]) globalThis[name] ??= test[name];
globalThis.test ??= test.test;
globalThis.beforeAll ??= test.before;
globalThis.afterAll ??= test.after;

const includes = (list, x) => (typeof list === "string" ? list.includes(x) : [...list].includes(x));
const throws = (f, want) => {
  try {
    f();
  } catch (e) {
    if (want === undefined) return true;
    if (want instanceof RegExp) return want.test(e.message);
    if (typeof want === "function") return e instanceof want;
    return e.message.includes(want.message ?? want);
  }
  return false;
};
const equal = (strict) => (a, b) => {
  try {
    (strict ? assert.deepStrictEqual : assert.deepEqual)(a, b);
    return true;
  } catch {
    return false;
  }
};
const matchers = {
  toBe: Object.is,
  toEqual: equal(true),
  toStrictEqual: equal(true),
  toBeTruthy: (a) => !!a,
  toBeFalsy: (a) => !a,
  toBeNull: (a) => a === null,
  toBeUndefined: (a) => a === undefined,
  toBeDefined: (a) => a !== undefined,
  toBeNaN: Number.isNaN,
  toBeInstanceOf: (a, b) => a instanceof b,
  toContain: includes,
  toContainEqual: (a, b) => [...a].some((x) => equal(true)(x, b)),
  toHaveLength: (a, n) => a.length === n,
  toHaveProperty: (a, key) => key in a,
  toMatch: (a, b) => (b instanceof RegExp ? b.test(a) : a.includes(b)),
  toBeCloseTo: (a, b, digits = 2) => Math.abs(a - b) < 10 ** -digits / 2,
  toBeGreaterThan: (a, b) => a > b,
  toBeGreaterThanOrEqual: (a, b) => a >= b,
  toBeLessThan: (a, b) => a < b,
  toBeLessThanOrEqual: (a, b) => a <= b,
  toThrow: throws,
  toThrowError: throws,
};
globalThis.expect ??= (got) => {
  const says = (negated) =>
    Object.fromEntries(
      Object.entries(matchers).map(([name, holds]) => [
        name,
        (...want) => {
          if (!!holds(got, ...want) === negated) {
            const { inspect } = require("node:util");
            throw new assert.AssertionError({ message: `expected ${inspect(got)}${negated ? " not" : ""} ${name} ${want.map((w) => inspect(w)).join(", ")}` });
          }
        },
      ]),
    );
  return { ...says(false), not: says(true) };
};

import { describe, expect, it } from 'vitest';
import { runInSandbox } from '../../../src/node/eval/js-sandbox.ts';

describe('runInSandbox', () => {
  it('passes a program whose assertions hold, and fails one whose assertions do not', async () => {
    expect(await runInSandbox('console.assert([1, 2].includes(2)); console.log("x");')).toEqual({
      passed: true,
      reason: 'passed',
    });
    expect(await runInSandbox('console.assert(1 > 2)')).toEqual({
      passed: false,
      reason: 'failed assertion',
    });
  });

  it.each([
    ['throw new RangeError("no")', 'RangeError: no'],
    ['const a = ;', "SyntaxError: Unexpected token ';'"],
    ['throw { get name() { throw 1; } }', 'error'],
    ['while (true) {}', 'timed out'],
  ])('says why %j fails', async (program, reason) => {
    expect(await runInSandbox(program)).toEqual({ passed: false, reason });
  });

  it.each([
    ['process.exit(0)', 'ReferenceError: process is not defined'],
    ['require("fs")', 'ReferenceError: require is not defined'],
    ['fetch("http://localhost")', 'ReferenceError: fetch is not defined'],
    [
      'this.constructor.constructor("return process")()',
      'EvalError: Code generation from strings disallowed for this context',
    ],
    ['console.assert.constructor("return process")()', 'EvalError: Code generation from strings disallowed'],
    ['eval("1")', 'EvalError: Code generation from strings disallowed'],
    ['import("node:fs").then(() => {}); console.assert(false)', 'import() is not available'],
  ])('gives %j nothing to hold on to', async (program, reason) => {
    const result = await runInSandbox(program);
    expect(result.passed).toBe(false);
    expect(result.reason).toContain(reason);
  });

  it('ends a program that asks for all memory', async () => {
    const result = await runInSandbox('const all = []; for (;;) all.push(new Array(1e6).fill(7.5));');
    expect(result).toEqual({ passed: false, reason: 'out of memory' });
  });

  it('refuses a program of more than a million characters', async () => {
    await expect(runInSandbox(' '.repeat(1_000_001))).rejects.toThrow('program: expected at most 1000000');
  });

  const reach = 'return String(typeof process) + typeof require';
  it.each([
    [
      'the rejection of import()',
      `import('x').catch((e) => { e.constructor.constructor(${JSON.stringify(reach)})(); });`,
    ],
    ['import behind a comment', `import/**/('x').catch((e) => { throw e; });`],
    [
      'the caller of a toString',
      `throw { name: { toString: function f() { return String(f.caller.constructor(${JSON.stringify(reach)})()); } } };`,
    ],
    ['a reset of the counter', 'console.assert(false); __failures = 0; failures = 0;'],
    ['another console.assert', 'try { console.assert = () => {}; } catch {} console.assert(false)'],
    ['another console', 'try { globalThis.console = { assert() {} }; } catch {} console.assert(false)'],
    ['a promise that is rejected', 'Promise.resolve().then(() => { throw new Error("late"); })'],
  ])('is not left, and not passed, by %s', async (_, program) => {
    const { passed, reason } = await runInSandbox(program);
    expect(passed).toBe(false);
    expect(reason).not.toContain('object');
  });
});

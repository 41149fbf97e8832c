// What the package's doors hand out: few names, each with a docstring.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
/** The source of each entry of package.json; `.` is the door of Node. */
const doors: string[] = Object.values<{ types?: string; node?: { types: string } }>(exports)
  .map((entry) => entry.types ?? entry.node?.types)
  .filter((types): types is string => types !== undefined && !types.includes('*'))
  .map((types) => `${root}${types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts')}`);

function publicNames(): Map<string, boolean> {
  const program = ts.createProgram(doors, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  });
  const checker = program.getTypeChecker();
  const names = new Map<string, boolean>();
  for (const door of doors) {
    const file = program.getSourceFile(door);
    const symbol = file && checker.getSymbolAtLocation(file);
    if (!symbol) throw new Error(`${door}: expected a module`);
    for (const exported of checker.getExportsOfModule(symbol)) {
      const own = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      if (!(own.flags & ts.SymbolFlags.Value)) continue; // a type comes with the function that takes or gives it
      const isDocumented = [own, exported].some((one) => one.getDocumentationComment(checker).length > 0);
      names.set(exported.name, isDocumented || names.get(exported.name) === true);
    }
  }
  return names;
}

describe('the doors', () => {
  const names = publicNames();

  it('hand out at most 115 functions, classes and tables', () => {
    expect(names.size, [...names.keys()].sort().join(' ')).toBeLessThanOrEqual(115);
  });

  it('document every one', () => {
    expect([...names].filter(([, isDocumented]) => !isDocumented).map(([name]) => name)).toEqual([]);
  });
});

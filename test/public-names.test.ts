// What the package's doors hand out: few names, each with a docstring.

import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
/** The source of each entry of package.json, with the doors of every platform. */
const doors = [...JSON.stringify(exports).matchAll(/"types":"\.\/dist\/(.*?)\.d\.ts"/g)].map(
  ([, path]) => `src/${path}.ts`,
);

/** Names of values that a file exports, and whether a docstring stands at each. Types are exported as such. */
function valuesOf(path: string): Map<string, boolean> {
  const file = ts.createSourceFile(path, readFileSync(root + path, 'utf8'), ts.ScriptTarget.ES2022, true);
  const found = new Map<string, boolean>();
  for (const node of file.statements) {
    const isDocumented = ts.getJSDocCommentsAndTags(node).length > 0;
    const isExported =
      ts.canHaveModifiers(node) && ts.getModifiers(node)?.[0].kind === ts.SyntaxKind.ExportKeyword;
    if (ts.isExportDeclaration(node) && !node.isTypeOnly) {
      if (!node.moduleSpecifier) throw new Error(`${path}: expected names with the file that they come from`);
      const { text } = node.moduleSpecifier as ts.StringLiteral;
      const from = valuesOf(posix.join(posix.dirname(path), text));
      if (!node.exportClause) for (const [name, is] of from) found.set(name, is);
      else if (ts.isNamedExports(node.exportClause)) {
        for (const { isTypeOnly, name, propertyName = name } of node.exportClause.elements) {
          if (!isTypeOnly) found.set(name.text, isDocumented || from.get(propertyName.text) === true);
        }
      }
    } else if (isExported && ts.isVariableStatement(node)) {
      for (const { name } of node.declarationList.declarations) found.set(name.getText(), isDocumented);
    } else if (isExported && (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node))) {
      // Of a function's several signatures, the one with the docstring counts.
      found.set(node.name!.text, isDocumented || found.get(node.name!.text) === true);
    }
  }
  return found;
}

describe('the doors', { tags: ['slow'] }, () => {
  let names: Map<string, boolean>;
  beforeAll(() => {
    names = new Map(doors.flatMap((door) => [...valuesOf(door)]));
  });

  it('hand out at most 100 functions, classes and tables', () => {
    expect(doors.length).toBeGreaterThan(10);
    expect(names.size, [...names.keys()].sort().join(' ')).toBeLessThanOrEqual(100);
  });

  it('document every one', () => {
    expect([...names].filter(([, isDocumented]) => !isDocumented).map(([name]) => name)).toEqual([]);
  });
});

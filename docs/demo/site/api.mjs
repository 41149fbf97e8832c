// The API reference out of the docstrings: every public door, every name, its signature and what is said of it.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './tree.mjs';

/** Pages of Markdown, one for each door of package.json. */
export function apiPages() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const doors = Object.entries(exports).flatMap(([door, target]) => {
    const types = target.browser?.types ?? target.types;
    const path = types && join(root, types);
    return path && !door.includes('*') && existsSync(path) ? [{ door: door.replace(/^\./, 'smollm2'), path }] : [];
  });
  const program = ts.createProgram(
    doors.map(({ path }) => path),
    { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, skipLibCheck: true },
  );
  const checker = program.getTypeChecker();
  const pages = doors.map(({ door, path }) => doorPage(checker, program.getSourceFile(path), door));
  const list = pages.map(({ title, url, numNames }) => `- [\`${title}\`](${url.replace('docs/api/', '').replace('.html', '.md')}): ${numNames} names`);
  const text = `# API\n\nEvery door of the package and every name that it hands out, from the docstrings of the source.\n\n${list.join('\n')}\n`;
  return [{ file: 'docs/api/index.md', section: 'Reference', title: 'API', url: 'docs/api/index.html', text, isMade: true }, ...pages];
}

function doorPage(checker, source, door) {
  const symbols = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source))
    .map((symbol) => ({ name: symbol.name, symbol: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = symbols.map(({ name, symbol }) => {
    const [declaration] = symbol.declarations ?? [];
    const code = declaration ? shortened(declaration) : '';
    const said = ts.displayPartsToString(symbol.getDocumentationComment(checker));
    const tags = symbol.getJsDocTags(checker).filter(({ name: tag }) => tag === 'throws' || tag === 'returns' || tag === 'param');
    const lines = tags.map((tag) => `- *${tag.name}* ${ts.displayPartsToString(tag.text)}`.replace(/\s+/g, ' '));
    return `## ${name}\n\n${escaped(said)}\n\n${escaped(lines.join('\n'))}\n\n\`\`\`js\n${code}\n\`\`\`\n`;
  });
  const url = `docs/api/${door.replaceAll('/', '-')}.html`;
  const text = `# ${door}\n\n\`import { … } from '${door}'\`\n\n${parts.join('\n')}`;
  return { file: url.replace('.html', '.md'), section: 'Reference', title: door, url, text, numNames: parts.length, isMade: true };
}

/** The declaration without the docstring in front, and without private members. */
function shortened(declaration) {
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  return node
    .getText()
    .replace(/^export (declare )?(default )?/, '')
    .replace(/^\s*private [^\n]*\n/gm, '')
    .slice(0, 6000);
}

/** Angle brackets of types are text. */
function escaped(text) {
  return text.replaceAll('<', '&lt;');
}

// The kernels through the formatter and linter of everything else. biome cannot parse a decorator on a function, which
// AssemblyScript has, so each one goes as a comment on a line of its own, in a copy, and comes back as a decorator.
//
//   node assembly/format.mjs [--write]

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** What is meant otherwise in AssemblyScript than in TypeScript. */
const RULES = {
  // == compares values of one type: there is nothing to convert.
  suspicious: { noDoubleEquals: 'off' },
  // Numbers are of 64 bits where the type says so.
  correctness: { noPrecisionLoss: 'off' },
  // asc knows no imports of types: classes are layouts of memory.
  style: { useImportType: 'off' },
};

/** Decorators on lines of their own, as comments: `// @inline`. */
export function withoutDecorators(source) {
  return source.replace(/^(@\w+)[ \n]/gm, '// $1\n');
}

export function withDecorators(source) {
  return source.replace(/^\/\/ (@\w+)$/gm, '$1');
}

/** Checks every kernel, or writes what the check wants; the exit code of biome. */
function check(write) {
  const copy = mkdtempSync(join(tmpdir(), 'kernels-'));
  try {
    const sources = readdirSync(`${root}assembly`, { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `assembly/${name}`);
    for (const path of sources) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      writeFileSync(join(copy, path), withoutDecorators(readFileSync(root + path, 'utf8')));
    }
    writeFileSync(join(copy, 'biome.json'), JSON.stringify(configuration()));
    const args = [
      `${root}node_modules/@biomejs/biome/bin/biome`,
      'check',
      ...(write ? ['--write'] : []),
      'assembly',
    ];
    const { status } = spawnSync(process.execPath, args, { cwd: copy, stdio: 'inherit' });
    if (write) for (const path of sources) update(path, readFileSync(join(copy, path), 'utf8'));
    return status ?? 1;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function configuration() {
  const { $schema, files, ...configuration } = JSON.parse(readFileSync(`${root}biome.json`, 'utf8'));
  const { linter } = configuration;
  const rules = { ...linter.rules };
  for (const [group, added] of Object.entries(RULES)) rules[group] = { ...rules[group], ...added };
  return { ...configuration, linter: { ...linter, rules } };
}

/** Writes only what changed: a newer kernel means a build. */
function update(path, copied) {
  const source = withDecorators(copied);
  if (source !== readFileSync(root + path, 'utf8')) writeFileSync(root + path, source);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = check(process.argv.includes('--write'));
}

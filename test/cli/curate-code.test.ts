import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'smollm2-code-'));
afterAll(() => rmSync(root, { recursive: true }));
const MIT = 'Permission is hereby granted, free of charge, to any person obtaining a copy';
const FILES: Record<string, string | Buffer> = {
  'repo/.git/config': '[remote "origin"]\n\turl = https://user:secret@example.org/owner/name.git\n',
  'repo/LICENSE': MIT,
  'repo/a.py': 'def add(a, b):\n    return a + b\n',
  'repo/sub/COPYING': 'Redistribution and use in source and binary forms',
  'repo/sub/b.go': 'package b\n\nfunc Add(a, b int) int { return a + b }\n',
  'repo/node_modules/c.js': 'let c = 1;\n',
  'repo/bytes.py': Buffer.from([0xff, 0xfe, 0x00]),
  'repo/data.csv': '1,2\n',
  'plain/d.rb': 'puts 1\n',
};

beforeAll(() => {
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  symlinkSync(join(root, 'repo'), join(root, 'repo/sub/loop'));
});

describe('smollm2 curate sources', () => {
  it('prints source files with origin, path, language and the nearest licence', {
    tags: ['slow'],
  }, async () => {
    const { stdout, stderr } = await runCli(['curate', 'sources', join(root, 'repo'), join(root, 'plain')]);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ text: _, ...row }) => row)).toEqual([
      { id: 'owner/name/a.py', repo: 'owner/name', path: 'a.py', language: 'Python', license: 'MIT' },
      {
        id: 'owner/name/sub/b.go',
        repo: 'owner/name',
        path: 'sub/b.go',
        language: 'Go',
        license: 'BSD-2-Clause',
      },
      { id: 'plain/d.rb', repo: 'plain', path: 'd.rb', language: 'Ruby' },
    ]);
    expect(rows[0].text).toBe(FILES['repo/a.py']);
    expect(stderr).toContain('3 source files; 1 were too large or no UTF-8');
  });
});

describe('smollm2 curate languages', () => {
  it("counts what a run kept and removed, beside the paper's", { tags: ['slow'] }, async () => {
    const files = join(root, 'files.jsonl');
    const { stdout } = await runCli(['curate', 'sources', join(root, 'repo'), join(root, 'plain')]);
    writeFileSync(files, stdout);
    const recipe = join(root, 'recipe.yaml');
    writeFileSync(recipe, 'stages: [source-file, { require: { fields: [license] } }]\n');
    const out = join(root, 'out');
    expect(await runCli(['curate', recipe, '--in', files, '--out', out])).toMatchObject({ code: 0 });
    const table = await runCli(['curate', 'languages', out]);
    expect(table.stdout).toContain('| Python | 1 | 1 | 0 | 0 | – | 50.6 B | 21.8 B | 43 % |');
    expect(table.stdout).toContain('| Ruby | 1 | 0 |');
    expect(await runCli(['curate', 'languages', join(root, 'nothing')])).toMatchObject({ code: 1 });
  });
});

// One grader everywhere: each verdict of the course (every stub, every solution, every known mistake) is the same text,
// byte for byte, in Node and in a page; and the built pages say it as the terminal does.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium, launchFirefox, runInPage } from './browsers.mjs';
import { serveExplorer } from './explorer-page.mjs';
import { has } from './runtimes.mjs';
import { STRICT_CSP, startServer } from './server.mjs';
import { allVerdicts } from './verdicts.js';
import { launchWebKit } from './webkit.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const course = await import(`${root}course/index.ts`);
const learnerFiles = course.EXERCISES.map((exercise) => ({
  name: exercise.name,
  stub: `${root}course/${course.stubFile(exercise)}`,
  solution: `${root}course/${course.solutionFile(exercise)}`,
}));

let folder;
let server;
let own;
beforeAll(async () => {
  const learners = {};
  for (const { name, stub, solution } of learnerFiles)
    learners[name] = { stub: await import(stub), solution: await import(solution) };
  own = await allVerdicts(course, learners);
  folder = mkdtempSync(join(tmpdir(), 'smollm2-verdicts-'));
  const texts = learnerFiles.flatMap(({ stub, solution }, n) => [
    `import * as stub${n} from '${stub}';`,
    `import * as solution${n} from '${solution}';`,
  ]);
  const entries = learnerFiles.map(({ name }, n) => `'${name}': { stub: stub${n}, solution: solution${n} }`);
  await build({
    stdin: {
      contents: `import * as course from './course/index.ts';
        import { allVerdicts } from './test/runtimes/verdicts.js';
        ${texts.join('\n')}
        globalThis.run = () => allVerdicts(course, { ${entries.join(', ')} });`,
      resolveDir: root,
    },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    outfile: join(folder, 'page.js'),
    logLevel: 'error',
  });
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="page.js"></script>');
  server = await startServer({ '/': folder }, { csp: STRICT_CSP });
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('names every mistake of every exercise in Node', () => {
  expect(own.length).toBeGreaterThan(16 * (2 + 6));
  for (const [what, verdict] of own) {
    const [, part] = what.split(' ');
    const { state, mutant } = JSON.parse(verdict);
    const wanted = { stub: 'unfinished', solution: 'right' }[part] ?? `wrong ${part}`;
    expect([state, mutant].filter(Boolean).join(' '), what).toBe(wanted);
  }
});

describe.each(Object.entries({ chromium: launchChromium, firefox: launchFirefox, webkit: launchWebKit }))(
  '%s',
  (name, launch) => {
    it.runIf(has(name))('gives the verdicts of Node, byte for byte', async () => {
      const browser = await launch();
      try {
        expect(await runInPage(browser, `${server.url}/`)).toEqual(own);
      } finally {
        await browser.close();
      }
    });
  },
);

describe.runIf(has('chromium'))('the built pages', () => {
  it('say of every stub and every solution what the terminal says', async () => {
    const site = await serveExplorer(8127, inject('weights'));
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      for (const { name, stub, solution } of learnerFiles) {
        const exercise = course.exerciseNamed(name);
        await page.goto(`${site.url}learn/exercise-${name}.html`);
        await page.locator('#grade:enabled').waitFor();
        for (const [part, file] of Object.entries({ stub, solution })) {
          await page.locator('#code').fill(readFileSync(file, 'utf8'));
          await page.locator('#grade').click();
          await page.waitForFunction(() => !document.querySelector('#grade').disabled);
          const verdict = JSON.parse(own.find(([what]) => what === `${name} ${part}`)[1]);
          const wanted = course
            .verdictText(exercise, verdict)
            .split('\n')
            .filter((line) => !/npm run/.test(line));
          expect(await page.locator('#verdict').textContent(), `${name} ${part}`).toBe(wanted.join('\n'));
        }
      }
    } finally {
      await browser.close();
      site.stop();
    }
  });
});

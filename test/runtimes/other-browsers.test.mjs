// The explorer and the course where the engine is not Chromium's: Firefox and WebKitGTK. The tour by keyboard, surgery
// by Node's numbers and back to Node's bits, an exercise wrong and then right, and all of it with the server gone.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { load } from 'smollm2';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchFirefox } from './browsers.mjs';
import { goTo, serveExplorer, settled, until, walkTour } from './explorer-page.mjs';
import { has } from './runtimes.mjs';
import { launchWebKit } from './webkit.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const BROWSERS = { firefox: [launchFirefox, 8128], webkit: [launchWebKit, 8129] };
/** A head of the nano model that moves its next token. */
const EDIT = '0.1';
/** The best known mistake: pairs of neighbours in place of halves. */
const NEIGHBOURS = `export function rope(head: Float64Array, pos: number, theta: number) {
  const out = new Float64Array(head.length);
  for (let i = 0; i < head.length; i += 2) {
    const angle = pos * theta ** (-i / head.length);
    out[i] = head[i] * Math.cos(angle) - head[i + 1] * Math.sin(angle);
    out[i + 1] = head[i + 1] * Math.cos(angle) + head[i] * Math.sin(angle);
  }
  return out;
}`;
const PROMPT = 'ROMEO. What light';

describe.each(Object.entries(BROWSERS).filter(([name]) => has(name)))('%s', (_name, [launch, port]) => {
  let server;
  let browser;
  let page;
  beforeAll(async () => {
    server = await serveExplorer(port, inject('weights'));
    browser = await launch();
    page = await browser.newPage();
    await page.goto(server.url);
    await settled(page);
  });
  afterAll(async () => {
    await browser?.close();
    server?.stop();
  });

  const text = (selector) =>
    page.evaluate((one) => document.querySelector(one).textContent.replace(/\s/g, ' '), selector);

  it('walks the tour by keyboard alone', async () => {
    await walkTour(page);
    expect(await text('#model-chip')).toBe('nano · built in');
  });

  it("shows surgery by Node's numbers, and Node's bits when it is undone", async () => {
    const smol = await load(
      new Uint8Array(gunzipSync(readFileSync(`${root}docs/demo/dist/nano.gguf.gzip`))),
      {
        threads: 1,
      },
    );
    const { makePicture } = await import(`${root}docs/demo/src/engine/pictures.ts`);
    const subject = { model: 'nano', prompt: PROMPT, chat: false, answer: [], edits: [] };
    const before = (await makePicture('tokens', smol, subject, {})).next.at(-1)[0];
    const after = (await makePicture('tokens', smol, { ...subject, edits: [EDIT] }, {})).next
      .at(-1)
      .find(({ id }) => id === before.id);
    await smol.close();
    const share = ({ p }) => (100 * p).toFixed(1);
    await goTo(page, `#lab/surgery?m=nano&p=${PROMPT}&off=${EDIT}`);
    expect(share(after)).not.toBe(share(before));
    expect(await text('#view')).toContain(`${share(before)} % before, ${share(after)} % after`);
    await page.evaluate(() => document.querySelector('#undo-all').click());
    await settled(page);
    await goTo(page, '#lab/bits?m=nano');
    expect(await text('#view')).toMatch(/(\d+) of \1 rows of logits have the very bits/);
  });

  async function grade(code) {
    await page.evaluate((given) => {
      const field = document.querySelector('#code');
      field.value = given;
      field.dispatchEvent(new Event('input'));
      document.querySelector('#grade').click();
    }, code);
    await until(page, () => !document.querySelector('#grade').disabled);
    return text('#verdict');
  }
  const solution = readFileSync(`${root}course/05-rope/rope.solution.ts`, 'utf8');
  const openExercise = async () => {
    await page.goto(`${server.url}learn/exercise-rope.html`);
    await until(page, () => document.querySelector('#grade:enabled') !== null);
  };

  it('grades an exercise: wrong, and then right', async () => {
    await openExercise();
    expect(await grade(NEIGHBOURS)).toMatch(
      /^▲ rope: one known mistake gives exactly these numbers: .*neighbours/,
    );
    expect(await grade(solution)).toMatch(/^✓ rope: right to the last digits/);
  });

  it('works when the server is gone: nano, an exercise', async () => {
    await page.goto(server.url);
    await until(page, () => document.documentElement.dataset.offline === 'ready');
    server.stop();
    await until(
      {
        evaluate: () =>
          fetch(server.url).then(
            () => false,
            () => true,
          ),
      },
      'the server is gone',
    );
    await page.goto(`${server.url}#lab/tokens?m=nano&p=${PROMPT}`);
    await page.reload();
    await settled(page);
    expect(await text('#view')).toMatch(/After/);
    await openExercise();
    expect(await grade(solution)).toMatch(/^✓ rope: right to the last digits/);
  });
});

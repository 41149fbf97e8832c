// The site around the explorer, in real browsers: an exercise wrong and then right, blocks that run, search, no
// violation that axe finds, and all of it without a network after the first load.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { collectProblems, launchChromium } from './browsers.mjs';
import { openExplorer, serveExplorer, settled, VIEWS } from './explorer-page.mjs';
import { has } from './runtimes.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = [
  'docs/index.html',
  'docs/components/rope.html',
  'docs/api/smollm2-inspect.html',
  'learn/index.html',
  'learn/exercise-rope.html',
];

describe.runIf(has('chromium'))('the site', () => {
  let server;
  let browser;
  let context;
  let page;
  const problems = [];

  beforeAll(async () => {
    server = await serveExplorer(8125, inject('weights'));
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce' });
    page = await context.newPage();
    collectProblems(page, problems);
  });
  afterAll(async () => {
    await browser?.close();
    server?.stop();
  });

  const verdict = () => page.locator('#verdict').textContent();
  async function grade(code) {
    if (code !== undefined) await page.locator('#code').fill(code);
    await page.locator('#grade').click();
    await page.waitForFunction(() => !document.querySelector('#grade').disabled);
    return verdict();
  }

  it('grades an exercise: unfinished, a mistake by its name, an endless loop, right', async () => {
    await page.goto(`${server.url}learn/exercise-rmsnorm.html`);
    await page.locator('#grade:enabled').waitFor();
    expect(await grade()).toMatch(/^▲ rmsnorm: .*todo|^▲ rmsnorm/);
    const solution = readFileSync(`${root}course/03-stream/rmsnorm.solution.ts`, 'utf8');
    const noRoot = solution.replace(/Math\.sqrt\(([^;]*)\)/, '($1)');
    expect(noRoot).not.toBe(solution);
    expect(await grade(noRoot)).toMatch(/^▲ rmsnorm[\s\S]*got[\s\S]*want/);
    expect(await page.locator('#hint').isVisible()).toBe(true);
    expect(await grade('export function rmsNorm() { for (;;); }')).toMatch(/stopped after 2 seconds/);
    expect(await grade(solution)).toMatch(/^✓ rmsnorm/);
    await page.goto(`${server.url}learn/index.html`);
    expect(await page.locator('[data-done=rmsnorm]').textContent()).toBe('✓ done');
  });

  it('runs a block of a document, twice', async () => {
    await page.goto(`${server.url}docs/components/rope.html`);
    for (let n = 0; n < 2; n++) {
      await page.locator('[data-run]').first().click();
      await page.locator('.printed').first().waitFor();
      await page.locator('[data-run]:enabled').first().waitFor();
      expect(await page.locator('.printed').first().textContent()).toMatch(/^✓ /);
      expect(await page.locator('.printed').count()).toBe(1);
    }
  });

  it('runs every block that has a button', async () => {
    const { pages } = await import(`${root}docs/demo/site/tree.mjs`);
    const { pageBlocks } = await import(`${root}docs/demo/site/blocks.mjs`);
    const urls = [
      ...new Set(
        pageBlocks(pages()).map(({ place }) => pages().find(({ file }) => place.startsWith(`${file}:`)).url),
      ),
    ];
    expect(urls.length).toBeGreaterThan(20);
    for (const url of urls) {
      await page.goto(`${server.url}${url}`);
      const buttons = page.locator('[data-run]');
      for (let at = 0; at < (await buttons.count()); at++) {
        await buttons.nth(at).click();
        await page.waitForFunction((n) => !document.querySelectorAll('[data-run]')[n].disabled, at);
      }
      expect(await page.locator('.printed.bad').allTextContents(), url).toEqual([]);
    }
  });

  it('finds words', async () => {
    await page.goto(`${server.url}docs/index.html`);
    await page.locator('#search-open').click();
    await page.locator('#search-text').fill('rotary');
    await page.locator('#search-found a').first().waitFor();
    expect(await page.locator('#search-found').textContent()).toMatch(/RoPE/);
    await page.locator('#search-close').click();
  });

  it('finds what was typed before the index had come', async () => {
    let hasTyped;
    const typed = new Promise((resolve) => {
      hasTyped = resolve;
    });
    await page.route('**/pagefind/pagefind.js', async (route) => {
      await typed;
      await route.continue();
    });
    await page.goto(`${server.url}docs/index.html`);
    await page.locator('#search-open').click();
    await page.locator('#search-text').fill('softmax');
    hasTyped();
    await page.locator('#search-found a').first().waitFor();
    await page.unroute('**/pagefind/pagefind.js');
  });

  describe('accessibility', () => {
    const axe = readFileSync(`${root}docs/demo/node_modules/axe-core/axe.min.js`, 'utf8');
    const violations = async () => {
      await page.evaluate(axe);
      const { violations: found } = await page.evaluate(() =>
        globalThis.axe.run(document, { resultTypes: ['violations'] }),
      );
      return found.map(
        ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120))}`,
      );
    };
    it.each(['light', 'dark'])('has no violation in the %s', async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      for (const url of PAGES) {
        await page.goto(`${server.url}${url}`);
        expect(await violations(), `${url} ${colorScheme}`).toEqual([]);
      }
      for (const name of VIEWS) {
        await page.goto(`${server.url}#lab/${name}?m=nano&p=ROMEO. What light`);
        await page.reload();
        await settled(page);
        expect(await violations(), `${name} ${colorScheme}`).toEqual([]);
      }
      for (const stop of [1, 3, 6, 7, 8, 11]) {
        await page.goto(`${server.url}#tour/${stop}`);
        await page.reload();
        await settled(page);
        expect(await violations(), `stop ${stop} ${colorScheme}`).toEqual([]);
      }
    });
    it('says the largest number of a picture in its description, and repeats all in a table', async () => {
      await page.goto(`${server.url}#lab/attention`);
      await page.reload();
      await settled(page);
      const picture = page.locator('.picture').first();
      expect(await picture.locator('desc').textContent()).toMatch(/France with 90\.3/);
      expect(await picture.locator('table').textContent()).toMatch(/␣?France90\.3|France90\.3/);
    });
  });

  it('scrolls sideways at no width', async () => {
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: 860 });
      for (const url of PAGES) {
        await page.goto(`${server.url}${url}`);
        const extra = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(extra, `${url} at ${width}`).toBeLessThanOrEqual(0);
      }
    }
    await page.setViewportSize({ width: 1280, height: 860 });
  });

  it('has every word from the language file', async () => {
    for (const hash of ['#tour/1', '#tour/7', ...VIEWS.map((name) => `#lab/${name}?m=nano`)]) {
      await page.goto(`${server.url}?lang=pseudo${hash}`);
      await page.reload();
      await settled(page);
      const plain = await page.evaluate(() => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        while (walker.nextNode()) {
          const { nodeValue, parentElement } = walker.currentNode;
          if (parentElement.closest('[data-model], code, script, template, svg, option, #contents')) continue;
          if (/[a-z]{3}/i.test(nodeValue) && !nodeValue.includes('⟦') && !parentElement.closest('.op-shape'))
            found.push(nodeValue.trim());
        }
        return found;
      });
      expect(plain, hash).toEqual([]);
    }
  });

  // Dead links fail the build (docs/demo/site/links.mjs); what stands behind the explorer's own # is its script's.
  it('opens from each page the view that the link names', async () => {
    const folder = `${root}docs/demo/dist/`;
    const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /^(docs|learn)\/.*html$/.test(file),
    );
    const links = new Set(
      pages.flatMap((file) =>
        readFileSync(folder + file, 'utf8').match(/index\.html(\?inside)?#(lab|tour|train)[^"]*/g),
      ),
    );
    expect(links.size).toBeGreaterThan(12);
    for (const link of [...links].map((one) => one.replaceAll('&amp;', '&'))) {
      await page.goto('about:blank');
      await page.goto(`${server.url}${link}`);
      await page.locator('#view[aria-busy=false] h2').waitFor();
      const [, named, query = ''] = /#lab\/(\w+)\??(.*)$/.exec(link) ?? [];
      if (!named) continue;
      expect(await page.locator('#view').getAttribute('data-view'), link).toBe(named);
      const shown = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]);
      for (const [name, value] of new URLSearchParams(query)) expect(shown.get(name), link).toBe(value);
    }
  });

  it('works without a network after the first load: explorer, nano, exercises, search', async () => {
    const alone = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    const visit = await openExplorer(alone, server.url, '', problems);
    await visit.waitForFunction(() => document.documentElement.dataset.offline === 'ready', undefined, {
      timeout: 60_000,
    });
    await alone.setOffline(true);
    await visit.goto(`${server.url}#lab/tokens?m=nano&p=ROMEO. What light`);
    await visit.reload();
    await settled(visit);
    expect(await visit.locator('#view').textContent()).toMatch(/After/);
    await visit.goto(`${server.url}learn/exercise-rmsnorm.html`);
    await visit.locator('#code').fill(readFileSync(`${root}course/03-stream/rmsnorm.solution.ts`, 'utf8'));
    await visit.locator('#grade').click();
    await visit.getByText(/^✓ rmsnorm/).waitFor();
    await visit.goto(`${server.url}docs/index.html`);
    await visit.locator('#search-open').click();
    await visit.locator('#search-text').fill('softmax');
    await visit.locator('#search-found a').first().waitFor();
    await alone.close();
  });

  it('threw nothing on the way', () => {
    // The learner's endless loop and the network that was cut are meant.
    expect(problems.filter((one) => !/ERR_INTERNET_DISCONNECTED|Failed to load resource/.test(one))).toEqual(
      [],
    );
  });
});

// The explorer as a visitor uses it, in real Chromium: answered at once, nano at once, the 135M brought; surgery's
// numbers in every view; the address keeps the state; random clicks leave nothing crooked.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium } from './browsers.mjs';
import { bringModel, goTo, openExplorer, serveExplorer, settled, VIEWS } from './explorer-page.mjs';
import { has } from './runtimes.mjs';

describe.runIf(has('chromium'))('the explorer', () => {
  let server;
  let browser;
  let context;
  let page;
  const problems = [];

  beforeAll(async () => {
    server = await serveExplorer(8124, inject('weights'));
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    page = await openExplorer(context, server.url, '', problems);
  });
  afterAll(async () => {
    await browser?.close();
    server?.stop();
  });

  const view = () => page.locator('#view').textContent();
  const go = (hash) => goTo(page, hash);

  it('opens answered, by numbers that were computed in advance', async () => {
    expect(await page.locator('#model-chip').textContent()).toBe('135M · computed in advance');
    expect(await view()).toMatch(/Paris with 77\.3/);
    await page.locator('#next').click();
    await page.getByText('It said:  Paris').waitFor();
    expect(await page.locator('#card').textContent()).toMatch(/✓ Done/);
  });

  it('shows 77.3 → 14.1 % without head 23.4 before any model is here', async () => {
    await go('#lab/surgery?off=23.4');
    expect(await view()).toMatch(/Paris: 77\.3\s*% before, 14\.1\s*% after/);
    await go('#lab/lens?off=23.4');
    expect(await view()).toMatch(/Paris has 14\.1/);
  });

  it('answers with the nano model as soon as something else is written', async () => {
    await go('#lab/tokens');
    await page.locator('#prompt-text').fill('ROMEO. What light');
    await settled(page);
    expect(await page.locator('#model-chip').textContent()).toBe('nano · built in');
    await page.locator('#go').click();
    await page.waitForFunction(() => document.querySelector('#said').textContent.length > 60);
    await settled(page);
  });

  it('draws every view of the nano model', async () => {
    for (const name of VIEWS) {
      await go(`#lab/${name}?m=nano&p=ROMEO. What light`);
      expect(await page.locator('#view .bad').count(), name).toBe(0);
      expect(await page.locator(`#tab-${name}`).getAttribute('aria-selected')).toBe('true');
    }
  });

  it('has the bits of Node, and other ones with one bit of one weight flipped', async () => {
    await go('#lab/bits?m=nano');
    expect(await view()).toMatch(/(\d+) of \1 rows of logits have the very bits/);
    await page.locator('[data-focus=flip]').click();
    await page.getByText('▲ another').first().waitFor();
    await page.locator('[data-focus=flip]').click();
  });

  it('brings the 135M, which says 77.3 and 14.1 % in every view, and 77.3 again when undone', async () => {
    await bringModel(page);
    expect(await page.locator('#model-chip').textContent()).toMatch(/^135M · ready · \d threads$/);
    await go('#lab/bits?m=135m');
    expect(await view()).toMatch(/5 of 5 rows of logits have the very bits/);
    const paris = async (name, edits) => {
      await go(`#lab/${name}?m=135m&off=${edits}`);
      const text = (await view()).replace(/\s/g, ' ');
      return Number(/Paris(?: has| with|: [\d.]+ % before,)? ([\d.]+) %/.exec(text)?.[1]);
    };
    for (const name of ['tokens', 'lens', 'softmax']) {
      expect(Math.abs((await paris(name, '23.4')) - (name === 'tokens' ? 14.1 : 14.1)), name).toBeLessThan(
        0.11,
      );
    }
    await page.locator('#undo-all').click();
    await settled(page);
    expect(await page.locator('#banner').isHidden()).toBe(true);
    await go('#lab/bits?m=135m');
    expect(await view()).toMatch(/5 of 5 rows of logits have the very bits/);
  });

  it('shows a chat behind its template: 34 tokens, of which few are the question', async () => {
    await go('#lab/tokens?m=135m&p=What is gravity?&chat=1');
    expect(await page.locator('.chip-id').count()).toBe(34);
    expect(await view()).toMatch(/system: \d+ tokens/);
  });

  it('stands 200 random clicks while it answers', async () => {
    await go('#lab/tokens?m=nano&p=ROMEO. What light');
    let seed = 7;
    const random = (below) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    for (let n = 0; n < 200; n++) {
      const wanted = ['[role=tab]', '#view button', '#go', '#next', '#stop', '#banner button', '.chip'][
        random(7)
      ];
      const found = page.locator(`${wanted}:visible:enabled`);
      const count = await found.count();
      if (count > 0)
        await found
          .nth(random(count))
          .click({ timeout: 500, noWaitAfter: true })
          .catch(() => undefined);
    }
    await settled(page);
    const shown = await page.evaluate(() => ({
      tab: document.querySelector('[role=tab][aria-selected=true]')?.id.slice(4),
      view: document.querySelector('#view').dataset.view,
      banner: [...document.querySelectorAll('#banner [data-edit]')].map((one) => one.dataset.edit).join(),
      edits: new URLSearchParams(location.hash.split('?')[1]).get('off') ?? '',
      isHidden: document.querySelector('#banner').hidden,
    }));
    expect(shown.view).toBe(shown.tab);
    expect(shown.isHidden).toBe(shown.edits === '');
    if (shown.edits !== '') expect(shown.banner).toBe(shown.edits.split(',').slice(0, 12).join());
  });

  it('scrolls sideways at no width', async () => {
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: 860 });
      for (const name of VIEWS) {
        await go(`#lab/${name}?m=nano&p=ROMEO. What light`);
        const extra = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return scrollWidth - clientWidth;
        });
        expect(extra, `${name} at ${width}`).toBeLessThanOrEqual(0);
      }
    }
    await page.setViewportSize({ width: 1280, height: 860 });
  });

  it('threw nothing on the way', () => {
    expect(problems).toEqual([]);
  });
});

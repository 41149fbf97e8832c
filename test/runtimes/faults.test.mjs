// What goes wrong on the way from a server to a page's cache: each ends in a typed error or a named fallback, the
// next try works, and nothing that is stored is ever wrong. In real Chromium.

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { launchChromium } from './browsers.mjs';
import { has } from './runtimes.mjs';
import { startServer } from './server.mjs';
import { temporaryFolder } from './workerd.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';
const SIZE = 98_362_432;
const IDS = [22007, 6463, 314, 253, 4959, 1909, 281, 6944, 338, 6601];

describe.runIf(has('chromium'))('weights in Chromium', () => {
  let browser;
  let folder;
  let server;
  let context;
  let page;

  beforeAll(async () => {
    browser = await launchChromium();
    folder = await temporaryFolder();
    await copyFile(inject('weights'), join(folder.path, 'model.gguf'));
  });
  afterAll(async () => {
    await browser?.close();
    await folder?.remove();
  });
  beforeEach(async () => {
    server = await startServer({
      '/runtimes/': `${root}test/runtimes`,
      '/smollm2/': `${root}dist/bundle`,
      '/models/': folder.path,
    });
    context = await browser.newContext(); // storage of its own
    page = await open(context);
  });
  afterEach(async () => {
    await context.close();
    await server.stop();
  });

  async function open(from) {
    const opened = await from.newPage();
    await opened.goto(`${server.url}/runtimes/pages/`);
    await opened.waitForFunction(() => 'run' in globalThis);
    return opened;
  }

  /** Loads, answers, and gives the ids, or the name and message of the error. */
  const load = (from = page, options = {}) =>
    from.evaluate(
      async ([url, given]) => {
        const seen = { downloads: 0 };
        const onDownload = () => seen.downloads++;
        try {
          const smol = await globalThis.smollm2.load(url, { threads: 2, onDownload, ...given });
          const { ids } = await globalThis.answer(smol);
          await smol.close();
          return { ids, ...seen };
        } catch (error) {
          return { error: error.name, message: error.message, ...seen };
        }
      },
      ['/models/model.gguf', options],
    );
  const stored = (from = page) => from.evaluate(() => globalThis.smollm2.listWeights());
  const modelRequests = () => server.requests.filter(({ path }) => path.endsWith('.gguf'));

  it('are downloaded once, checked, listed, and read from storage without the network afterwards', async () => {
    expect((await load(page, { sha256: SHA256 })).ids).toEqual(IDS);
    const [file, ...others] = await stored();
    expect(others).toEqual([]);
    expect(file).toMatchObject({ size: SIZE, sha256: SHA256, isComplete: true, storage: 'opfs' });
    const before = modelRequests().length;
    server.faults.status = 503;
    const again = await load();
    expect(again).toMatchObject({ ids: IDS, downloads: 0 });
    expect(modelRequests()).toHaveLength(before);
    await page.evaluate(() => globalThis.smollm2.deleteWeights());
    expect(await stored()).toEqual([]);
    const quota = await page.evaluate(() => globalThis.smollm2.storageQuota());
    expect(quota.quota).toBeGreaterThan(SIZE);
  });

  it('resume after a connection that broke, asking only for the rest', async () => {
    server.faults.cutAfter = 40_000_000;
    expect((await load(page, { sha256: SHA256 })).ids).toEqual(IDS);
    const ranges = modelRequests().map(({ range }) => range);
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d{6,7}-$/);
    expect(ranges).toHaveLength(2);
  });

  it('survive a tab that was closed half-way: the next visit asks only for the rest', async () => {
    await page.evaluate(() => {
      globalThis.smollm2
        .load('/models/model.gguf', { onDownload: (bytes) => (globalThis.bytes = bytes) })
        .catch(() => {});
    });
    await page.waitForFunction(() => globalThis.bytes > 10_000_000, null, { polling: 5 });
    await page.close();
    page = await open(context);
    const [partial] = await stored();
    // On a fast machine the tab may have been closed too late; then the file is complete and right.
    if (!partial.isComplete) expect(partial.size).toBeGreaterThan(0);
    const before = modelRequests().length;
    expect((await load(page, { sha256: SHA256 })).ids).toEqual(IDS);
    const [resumed] = modelRequests().slice(before);
    if (!partial.isComplete) expect(resumed.range).toBe(`bytes=${partial.size}-`);
    expect(await stored()).toMatchObject([{ size: SIZE, sha256: SHA256, isComplete: true }]);
  });

  it('with one wrong bit are refused by their hash, and nothing of them is kept', async () => {
    server.faults.corrupt = 50_000_000;
    const refused = await load(page, { sha256: SHA256 });
    expect(refused.error).toBe('FormatError');
    expect(refused.message).toMatch(/expected sha256 b179c952/);
    expect(await stored()).toMatchObject([{ isComplete: false, size: 0 }]);
    server.faults.corrupt = undefined;
    expect((await load(page, { sha256: SHA256 })).ids).toEqual(IDS);
  });

  it('that the server refuses give an UnavailableError, and the next try works', async () => {
    server.faults.status = 404;
    expect(await load()).toMatchObject({ error: 'UnavailableError', message: expect.stringMatching(/404/) });
    server.faults.status = undefined;
    expect((await load()).ids).toEqual(IDS);
  });

  it('fail with a typed error while offline, keep what came, and go on when the network is back', async () => {
    await page.evaluate(() => {
      const onDownload = (bytes) => (globalThis.bytes = bytes);
      globalThis.result = globalThis.smollm2.load('/models/model.gguf', { onDownload }).then(
        () => ({ isLoaded: true }),
        ({ name, message }) => ({ name, message }),
      );
    });
    await page.waitForFunction(() => globalThis.bytes > 5_000_000, null, { polling: 5 });
    await server.stop();
    const result = await page.evaluate(() => globalThis.result);
    const port = Number(new URL(server.url).port);
    server = await startServer(
      { '/runtimes/': `${root}test/runtimes`, '/smollm2/': `${root}dist/bundle`, '/models/': folder.path },
      { port },
    );
    if (result.isLoaded) return; // the whole file was in the socket's buffers already
    expect(result.name).toBe('UnavailableError');
    const [partial] = await stored();
    expect(partial.isComplete).toBe(false);
    expect((await load(page, { sha256: SHA256 })).ids).toEqual(IDS);
    expect(modelRequests()[0].range).toBe(`bytes=${partial.size}-`);
  });

  it('that do not fit the quota give an UnavailableError that says so; without the cache they still load', async () => {
    const session = await context.newCDPSession(page);
    const origin = server.url;
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 20_000_000 });
    const refused = await load();
    expect(refused.error).toBe('UnavailableError');
    expect(refused.message).toMatch(/expected room( for 98\.4 MB)? in the browser's storage, got/);
    expect((await stored()).filter(({ isComplete }) => isComplete)).toEqual([]);
    expect((await load(page, { cache: false })).ids).toEqual(IDS);
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    expect((await load()).ids).toEqual(IDS);
  });

  it('are downloaded once when two tabs want them at the same time', async () => {
    const other = await open(context);
    const [first, second] = await Promise.all([load(page), load(other)]);
    expect(first.ids).toEqual(IDS);
    expect(second.ids).toEqual(IDS);
    expect(modelRequests()).toHaveLength(1);
    expect(await stored()).toMatchObject([{ size: SIZE, sha256: SHA256, isComplete: true }]);
  });

  it.each([
    ['a web page', '<!doctype html><title>Not found</title>'],
    ['nothing', ''],
    ['a pointer of git-lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:b179\nsize 98362432\n'],
  ])(
    'that come as %s with status 200 are refused and not kept; the next visit gets them',
    async (_, body) => {
      server.faults.page = body;
      expect(await load()).toMatchObject({ error: 'FormatError' });
      expect((await stored()).filter(({ isComplete }) => isComplete)).toEqual([]);
      server.faults.page = undefined;
      expect((await load()).ids).toEqual(IDS);
    },
  );

  /** Writes over the stored file: `change` gets a writer and the file's size. */
  const tamper = (kind) =>
    page.evaluate(async (change) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('smollm2');
      for await (const [name, handle] of folder.entries()) {
        if (!name.endsWith('.bin')) continue;
        const { size } = await handle.getFile();
        const writer = await handle.createWritable({ keepExistingData: true });
        if (change === 'one byte')
          await writer.write({ type: 'write', position: 60_000_000, data: Uint8Array.of(1) });
        if (change === 'the end') await writer.truncate(size - 1_000_000);
        if (change === 'everything') await writer.truncate(0);
        if (change === 'the header')
          await writer.write({ type: 'write', position: 0, data: Uint8Array.of(0) });
        await writer.close();
      }
    }, kind);

  it.each(['one byte', 'the end', 'everything', 'the header'])(
    'that lost %s in the storage are noticed, and downloaded once more',
    async (kind) => {
      expect((await load()).ids).toEqual(IDS);
      await tamper(kind);
      const before = modelRequests().length;
      expect((await load()).ids).toEqual(IDS);
      expect(modelRequests().length - before).toBe(1);
      expect((await load()).downloads).toBe(0);
    },
  );

  it('are fetched from the start when the server has another file than the one that was begun', async () => {
    server.faults.cutAfter = 40_000_000;
    server.faults.tag = '"one"';
    server.faults.status = undefined;
    const first = load();
    await page.waitForTimeout(500);
    server.faults.tag = '"two"'; // and it ignores If-Range: the rest of another file, with status 206
    expect((await first).ids).toEqual(IDS);
    expect(await stored()).toMatchObject([{ size: SIZE, sha256: SHA256, isComplete: true }]);
  });

  it('with an upper-case sha256 are the same, and are removed by the address that load took', async () => {
    expect((await load(page, { sha256: SHA256.toUpperCase() })).ids).toEqual(IDS);
    await page.evaluate(() => globalThis.smollm2.deleteWeights('/models/model.gguf'));
    expect(await stored()).toEqual([]);
  });

  it('go to the Cache API where files cannot be written, are noticed when damaged, and load without either', async () => {
    const refuse = () => {
      FileSystemFileHandle.prototype.createSyncAccessHandle = () => {
        throw new DOMException('Backend does not support this operation', 'NotSupportedError');
      };
    };
    const worker = `
      (${refuse})();
      const calls = [];
      onmessage = (event) => calls.push(event);
      await import('${server.url}/smollm2/browser/model-worker.js');
      for (const event of calls) onmessage(event);`;
    const loadThere = () =>
      page.evaluate(async (script) => {
        const own = () =>
          new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), {
            type: 'module',
          });
        const smol = await globalThis.smollm2.load('/models/model.gguf', { threads: 1, worker: own });
        const { ids } = await globalThis.answer(smol);
        await smol.close();
        return ids;
      }, worker);
    expect(await loadThere()).toEqual(IDS);
    expect(await stored()).toMatchObject([{ size: SIZE, sha256: SHA256, storage: 'cache-api' }]);
    await page.evaluate(async () => {
      const cache = await caches.open('smollm2');
      const [request] = await cache.keys();
      const response = await cache.match(request);
      const bytes = new Uint8Array(await response.arrayBuffer());
      bytes[60_000_000] ^= 1;
      await cache.put(request, new Response(bytes, { headers: response.headers }));
    });
    const before = modelRequests().length;
    expect(await loadThere()).toEqual(IDS);
    expect(modelRequests().length - before).toBe(1);
  });

  it('are asked for by address: a name gets an error that says so', async () => {
    const error = await page.evaluate(() =>
      globalThis.smollm2.load('135m').catch(({ name, message }) => ({ name, message })),
    );
    expect(error).toMatchObject({
      name: 'RangeError',
      message: expect.stringMatching(/expected the address/),
    });
  });

  it('come from a file that the visitor picked', async () => {
    await page.evaluate(() => {
      const input = Object.assign(document.createElement('input'), { type: 'file', id: 'pick' });
      document.body.append(input);
    });
    await page.setInputFiles('#pick', inject('weights'));
    const ids = await page.evaluate(async () => {
      const [file] = document.querySelector('#pick').files;
      const smol = await globalThis.smollm2.load(file);
      return (await globalThis.answer(smol)).ids;
    });
    expect(ids).toEqual(IDS);
    expect(modelRequests()).toEqual([]);
  });

  it('larger than the memory that may be used are refused with the plan, before anything is allocated', async () => {
    const refused = await load(page, { maxMemory: 90_000_000 });
    expect(refused.error).toBe('OutOfMemoryError');
    expect(refused.message).toMatch(/96\.6 MB {2}weights/);
    expect((await load()).ids).toEqual(IDS);
  });
});

describe.runIf(has('chromium'))('a running model in Chromium', () => {
  it('stops when asked, in the middle of a prompt, and answers the next call', async () => {
    const server = await startServer({
      '/runtimes/': `${root}test/runtimes`,
      '/smollm2/': `${root}dist/bundle`,
      '/model.gguf': inject('weights'),
    });
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}/runtimes/pages/`);
      await page.waitForFunction(() => 'run' in globalThis);
      const result = await page.evaluate(async () => {
        const smol = await globalThis.smollm2.load('/model.gguf', { threads: 2 });
        const controller = new AbortController();
        const cache = smol.model.newCache(4096);
        const onProgress = () => controller.abort();
        const stopped = await smol.model
          .forward(new Array(4000).fill(314), cache, { signal: controller.signal, onProgress })
          .then(
            () => 'not stopped',
            (error) => error.name,
          );
        const { length } = cache;
        const { ids } = await globalThis.answer(smol);
        return { stopped, length, ids };
      });
      expect(result.stopped).toBe('AbortError');
      expect(result.length).toBeGreaterThan(0);
      expect(result.length).toBeLessThan(4000);
      expect(result.ids).toEqual(IDS);
    } finally {
      await browser.close();
      await server.stop();
    }
  });

  it('whose worker cannot start rejects the call with an EngineError, and answers when it can', async () => {
    const server = await startServer({
      '/runtimes/': `${root}test/runtimes`,
      '/smollm2/': `${root}dist/bundle`,
      '/model.gguf': inject('weights'),
    });
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}/runtimes/pages/`);
      await page.waitForFunction(() => 'run' in globalThis);
      const load = () =>
        page.evaluate(async () => {
          try {
            globalThis.smol = await globalThis.smollm2.load('/model.gguf', { threads: 2 });
            return 'loaded';
          } catch (error) {
            return error.name;
          }
        });
      const ask = () =>
        page.evaluate(() =>
          globalThis.answer(globalThis.smol).then(
            (a) => a.ids,
            (e) => e.name,
          ),
        );
      server.faults.missing = /model-worker\.js$/;
      expect(await load()).toBe('EngineError');
      server.faults.missing = /team-worker\.js$/;
      expect(await load()).toBe('loaded');
      expect(await ask()).toBe('EngineError');
      server.faults.missing = undefined;
      expect(await ask()).toEqual(IDS); // the same model, with a new team
    } finally {
      await browser.close();
      await server.stop();
    }
  });
});

// How each tool is asked to build the page, in its defaults and as docs/guides/browser.md says. A builder gives
// the address of a site with the page, which `stop` ends.

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startServer } from '../runtimes/server.mjs';

const here = fileURLToPath(new URL('./', import.meta.url));
const NANO = fileURLToPath(new URL('../../models/nano.gguf', import.meta.url));
const PAGE = `${here}page.js`;
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Builds into a new folder and serves it beside the model and the package's own bundle. */
const built =
  (build, { withIndex = true } = {}) =>
  async () => {
    const out = await mkdtemp(join(tmpdir(), 'smollm2-bundlers-'));
    const remove = () => rm(out, { recursive: true, force: true });
    try {
      if (withIndex) await cp(`${here}index.html`, join(out, 'index.html'));
      await build(out);
      const mounts = { '/nano.gguf': NANO, '/bundle/': `${here}node_modules/smollm2/dist/bundle`, '/': out };
      const server = await startServer(mounts);
      return { url: `${server.url}/`, stop: () => server.stop().then(remove) };
    } catch (error) {
      await remove();
      throw error;
    }
  };

const NO_INDEX = { withIndex: false };

const program = (args, env = {}) =>
  promisify(execFile)(process.execPath, args, { cwd: here, env: { ...process.env, ...env } });

/** A Vite of that version, with the settings under test, and a cache of packages of its own. */
const vite = (version, settings) => ({
  root: here,
  configFile: false,
  logLevel: 'error',
  cacheDir: `${here}node_modules/.vite-${version}`,
  worker: { format: 'es' },
  ...settings,
});

export const viteBuild = (version) =>
  built(async (outDir) => {
    const { build } = await import(`vite-${version}`);
    await build(vite(version, { build: { outDir, emptyOutDir: true } }));
  }, NO_INDEX);

/** @param {{ headers?: object, optimizeDeps?: object }} settings beyond the defaults */
export const viteDev =
  (version, { headers, ...settings } = {}) =>
  async () => {
    const { createServer } = await import(`vite-${version}`);
    await rm(`${here}node_modules/.vite-${version}`, { recursive: true, force: true });
    const nano = {
      name: 'nano',
      configureServer({ middlewares }) {
        middlewares.use('/nano.gguf', async (_, response) => response.end(await readFile(NANO)));
      },
    };
    const server = await createServer(
      vite(version, {
        server: { port: 0, headers: { ...ISOLATION, ...headers } },
        plugins: [nano],
        ...settings,
      }),
    );
    await server.listen();
    return { url: `http://localhost:${server.httpServer.address().port}/`, stop: () => server.close() };
  };

const bundled = async (compiler) => {
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
};

export const webpack = built(async (path) => {
  const { default: start } = await import('webpack');
  await bundled(start({ mode: 'production', entry: PAGE, output: { path, filename: 'page.js' } }));
});

export const rspack = built(async (path) => {
  const { rspack: start } = await import('@rspack/core');
  await bundled(start({ mode: 'production', entry: PAGE, output: { path, filename: 'page.js' } }));
});

export const next = built(async (out) => {
  await program(['node_modules/next/dist/bin/next', 'build', 'next'], {
    NEXT_TELEMETRY_DISABLED: '1',
    NODE_ENV: 'production',
  });
  await cp(`${here}next/out`, out, { recursive: true });
}, NO_INDEX);

export const esbuild = built(async (outdir) => {
  const { build } = await import('esbuild');
  await build({ entryPoints: [PAGE], bundle: true, format: 'esm', minify: true, outdir, logLevel: 'error' });
});

export const parcel = built(async (out) => {
  const flags = [
    '--dist-dir',
    out,
    '--cache-dir',
    join(out, '.cache'),
    '--no-autoinstall',
    '--log-level',
    'error',
  ];
  await program(['node_modules/parcel/lib/bin.js', 'build', 'index.html', ...flags]);
}, NO_INDEX);

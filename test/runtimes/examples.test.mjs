// The examples that people copy, run as they are, each in its own runtime.

import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium } from './browsers.mjs';
import { has, PROGRAMS } from './runtimes.mjs';
import { startServer } from './server.mjs';
import { temporaryFolder } from './workerd.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ANSWER = /^Gravity is a fundamental concept in physics that describes/;

const folders = [];
afterAll(() => Promise.all(folders.map((folder) => folder.remove())));

/** A copy of an example beside an installed package, and a cache folder that has the weights. */
async function install(name) {
  const folder = await temporaryFolder();
  folders.push(folder);
  const path = join(folder.path, name);
  await cp(`${root}examples/${name}`, path, { recursive: true });
  await mkdir(join(path, 'node_modules'));
  await symlink(root, join(path, 'node_modules/smollm2'));
  await symlink(join(root, 'node_modules/vite'), join(path, 'node_modules/vite'));
  await mkdir(join(folder.path, 'cache'));
  await symlink(inject('weights'), join(folder.path, 'cache/SmolLM2-135M-Instruct.Q4_1.gguf'));
  return { path, env: { ...process.env, SMOLLM2_CACHE: join(folder.path, 'cache') } };
}

const run = (program, args, { path, env }) =>
  promisify(execFile)(program, args, { cwd: path, env, timeout: 90_000 });

describe('examples', () => {
  it.runIf(has('deno'))('deno answers on the terminal', async () => {
    const example = await install('deno');
    // As `npm:smollm2` would be after it is published: found in node_modules.
    await writeFile(join(example.path, 'package.json'), '{ "dependencies": { "smollm2": "*" } }');
    const flags = ['run', '-A', '--no-config', '--node-modules-dir=manual'];
    const { stdout } = await run(PROGRAMS.deno, [...flags, 'chat.ts', 'What is gravity?'], example);
    expect(stdout).toMatch(ANSWER);
  });

  it.runIf(has('bun'))('bun answers on the terminal', async () => {
    const { stdout } = await run(PROGRAMS.bun, ['chat.ts', 'What is gravity?'], await install('bun'));
    expect(stdout).toMatch(ANSWER);
  });
});

/** Starts an example's server and asks it as an OpenAI client does, streamed. */
const servesAnswers = (name, args, port) => async () => {
  const { path, env } = await install(name);
  if (name === 'deno') await writeFile(join(path, 'package.json'), '{ "dependencies": { "smollm2": "*" } }');
  const server = spawn(PROGRAMS[name], args, { cwd: path, env: { ...env, PORT: port }, stdio: 'inherit' });
  try {
    const base = `http://127.0.0.1:${port}`;
    let health;
    for (let tries = 0; tries < 600 && health?.status !== 200; tries++) {
      health = await fetch(`${base}/health`).catch(() => undefined);
      if (health?.status !== 200) await sleep(100);
    }
    const response = await fetch(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'smollm2',
        messages: [{ role: 'user', content: 'What is gravity?' }],
        temperature: 0,
        max_tokens: 16,
        stream: true,
      }),
    });
    const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
    const text = events.map((event) => JSON.parse(event.slice(6)).choices[0].delta.content ?? '').join('');
    expect(text).toMatch(ANSWER);
  } finally {
    server.kill();
  }
};

describe('examples that serve', () => {
  const denoArgs = ['run', '-A', '--no-config', '--node-modules-dir=manual', 'serve.ts'];
  it.runIf(has('deno'))('deno', servesAnswers('deno', denoArgs, '8131'));
  it.runIf(has('bun'))('bun', servesAnswers('bun', ['serve.ts'], '8132'));
});

describe.runIf(has('chromium'))('examples in Chromium', () => {
  let browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  /** Loads the page, asks its question, and gives the answer when it has a few words. */
  async function ask(url) {
    const page = await browser.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(error));
    await page.goto(url);
    await page.locator('button:enabled').click({ timeout: 60_000 });
    await page.waitForFunction(() => document.querySelector('pre').textContent.length > 60, null, {
      timeout: 60_000,
    });
    const answer = await page.locator('pre').textContent();
    const isIsolated = await page.evaluate(() => crossOriginIsolated);
    await page.close();
    expect(problems).toEqual([]);
    return { answer, isIsolated };
  }

  it('plain-html answers on its page, served by its own server with threads', async () => {
    const example = await install('plain-html');
    const args = ['server.mjs', inject('weights'), '8123'];
    const server = spawn(process.execPath, args, { cwd: example.path, stdio: 'inherit' });
    try {
      for (let tries = 0; tries < 100; tries++) {
        if (await fetch('http://127.0.0.1:8123/').catch(() => undefined)) break;
        await sleep(50);
      }
      const { answer, isIsolated } = await ask('http://127.0.0.1:8123/');
      expect(answer).toMatch(ANSWER);
      expect(isIsolated).toBe(true);
    } finally {
      server.kill();
    }
  });

  it('vite builds, and the built page answers', async () => {
    const example = await install('vite');
    const { build } = await import('vite');
    await build({ root: example.path, logLevel: 'warn' });
    const mounts = { '/model.gguf': inject('weights'), '/': join(example.path, 'dist') };
    const server = await startServer(mounts);
    try {
      const { answer, isIsolated } = await ask(`${server.url}/`);
      expect(answer).toMatch(ANSWER);
      expect(isIsolated).toBe(true);
      const scripts = server.requests.filter(({ path }) => path.includes('team-worker')).length;
      expect(scripts).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  });
});

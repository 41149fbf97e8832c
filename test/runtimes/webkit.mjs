// WebKitGTK, whose engine is Safari's, by WebDriver under a display of its own: of a browser it has what browsers.mjs
// asks for, `newPage` and `close`. Debian: webkit2gtk-driver and xvfb.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const DRIVER = '/usr/bin/WebKitWebDriver';
const DISPLAY = '/usr/bin/xvfb-run';

/** The driver, where a display can be had too. */
export const WEBKIT = [DRIVER, DISPLAY].every(existsSync) ? DRIVER : undefined;

/** How long the driver may take to start, and a script to end. */
const START_MS = 60_000;
const SCRIPT_MS = 500_000;

/** @param {{ sharedMemory?: boolean }} options sharedMemory: as Safari has it on isolated pages; WebKitGTK must be told */
export async function launchWebKit({ sharedMemory = true } = {}) {
  const port = await freePort();
  const driver = spawn(DISPLAY, ['-a', DRIVER, `--port=${port}`], {
    // A group of its own: display, driver and browser end together.
    detached: true,
    stdio: 'ignore',
    env: {
      ...process.env,
      JSC_useSharedArrayBuffer: String(sharedMemory),
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    },
  });
  const stop = () => {
    try {
      process.kill(-driver.pid, 'SIGTERM');
    } catch {
      // Gone already.
    }
  };
  try {
    const base = `http://127.0.0.1:${port}`;
    await untilReady(base, driver);
    const { sessionId } = await call(base, 'POST', '/session', { capabilities: {} });
    const session = `${base}/session/${sessionId}`;
    await call(session, 'POST', '/timeouts', { script: SCRIPT_MS, pageLoad: START_MS });
    const close = async () => {
      await call(session, 'DELETE', '').catch(() => undefined);
      stop();
    };
    return { newPage: async () => new Page(session), close };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Keys by the code points that WebDriver gives them. */
const KEYS = { Tab: '\uE004', Enter: '\uE007', ArrowLeft: '\uE012', ArrowRight: '\uE014' };

/** The one window of a session. */
class Page {
  constructor(session) {
    this.session = session;
  }

  /** Errors of the page come with the answer of `evaluate`; there are no others to listen to. */
  on() {}

  keyboard = {
    press: async (key) => {
      const value = KEYS[key] ?? key;
      const actions = [
        { type: 'keyDown', value },
        { type: 'keyUp', value },
      ];
      await call(this.session, 'POST', '/actions', { actions: [{ type: 'key', id: 'keys', actions }] });
    },
  };

  goto(url) {
    return call(this.session, 'POST', '/url', { url });
  }

  reload() {
    return call(this.session, 'POST', '/refresh', {});
  }

  async waitForFunction(condition, { timeout }) {
    const until = Date.now() + timeout;
    const script = typeof condition === 'string' ? `return ${condition};` : `return (${condition})();`;
    while (!(await call(this.session, 'POST', '/execute/sync', { script, args: [] }))) {
      if (Date.now() > until) throw new Error(`the page: expected ${condition}, got false for ${timeout} ms`);
      await sleep(100);
    }
  }

  async evaluate(run, args) {
    const script = `
      const done = arguments[1];
      Promise.resolve(arguments[0]).then(${run}).then(
        (value) => done({ value }), (error) => done({ error: String(error?.stack ?? error) }));`;
    const { value, error } = await call(this.session, 'POST', '/execute/async', { script, args: [args] });
    if (error !== undefined) throw new Error(error);
    return value;
  }

  close() {
    return this.goto('about:blank');
  }
}

async function call(base, method, path, body) {
  const response = await fetch(base + path, {
    method,
    ...(body && { body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(SCRIPT_MS),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`WebKitWebDriver: ${value.error}, ${value.message}`);
  return value;
}

async function untilReady(base, driver) {
  for (const until = Date.now() + START_MS; ; await sleep(100)) {
    const status = await call(base, 'GET', '/status').catch(() => undefined);
    if (status?.ready) return;
    if (driver.exitCode !== null || Date.now() > until) {
      throw new Error(`WebKitWebDriver: expected it to start, got exit code ${driver.exitCode}`);
    }
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

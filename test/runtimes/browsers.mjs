// Chromium by playwright-core and Firefox by WebDriver BiDi, behind three functions: open, run in the page, close.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
export const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);

const QUIET_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium() {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: QUIET_FLAGS });
}

/** With the habits of a user's browser: playwright tells every page that it is seen, and takes throttles away. */
export function launchHidingChromium() {
  const ignoreDefaultArgs = [
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
  ];
  return puppeteer.launch({ executablePath: CHROMIUM, headless: true, args: QUIET_FLAGS, ignoreDefaultArgs });
}

export function launchFirefox() {
  return puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true });
}

/** How long a page may take to be there: on a crowded machine its first compilation alone takes half a minute. */
const PAGE_MS = 300_000;

/** `callInPage` of the page's `run`. */
export function runInPage(browser, url, ...args) {
  return callInPage(browser, url, 'run', ...args);
}

/** Keeps what a page throws, and what it writes to the console as an error. */
export function collectProblems(page, problems) {
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
}

/** Opens a page on a launched browser (either kind), waits for a function of it, calls that, and closes the page. */
export async function callInPage(browser, url, name, ...args) {
  const page = await browser.newPage();
  const problems = [];
  collectProblems(page, problems);
  try {
    await page.goto(url, { timeout: PAGE_MS });
    await page.waitForFunction(`'${name}' in globalThis`, { timeout: PAGE_MS });
    // Playwright hands over one argument, puppeteer any number.
    return await page.evaluate(([called, list]) => globalThis[called](...list), [name, args]);
  } catch (error) {
    throw new Error(`${error.message}\n${problems.join('\n')}`);
  } finally {
    await page.close();
  }
}

// Ours, in Chromium; see smollm2-chromium.page.js.

import { pageEngine } from './browser.mjs';

export const { open, prefill, decode, footprint, close } = pageEngine('smollm2-chromium');

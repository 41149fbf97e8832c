// ONNX Runtime's WASM build in Chromium; see onnxruntime-web.page.js. The model is the folder that make-onnx.py writes.

import { pageEngine } from './browser.mjs';

export const { open, prefill, decode, close } = pageEngine('onnxruntime-web');

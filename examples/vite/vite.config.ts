import { defineConfig } from 'vite';

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  // "Not modified" would come without the two headers, and Safari would not start the second worker.
  server: { headers: { ...headers, 'Cache-Control': 'no-store' } },
  preview: { headers },
  build: { target: 'es2022' },
  worker: { format: 'es' },
  // Its workers and kernels lie beside it: they are found when Vite leaves it as it is.
  optimizeDeps: { exclude: ['smollm2'] },
});

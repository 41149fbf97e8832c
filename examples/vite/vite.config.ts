import { defineConfig } from 'vite';

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  server: { headers },
  preview: { headers },
  build: { target: 'es2022' },
  worker: { format: 'es' },
  // Its workers and kernels lie beside it: they are found when Vite leaves it as it is.
  optimizeDeps: { exclude: ['smollm2'] },
});

// As page.js, but the door is opened in a worker of the page's own.

globalThis.run = (source, options) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./own-worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data: result }) => {
      worker.terminate();
      if (result.error) reject(new Error(result.error));
      else resolve(result);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ source, options });
  });

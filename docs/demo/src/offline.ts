// Keeps the whole site in this browser: the page's own files when it is installed, the rest when the page is idle.

/** @param after what is more urgent: the line is the page's own until then */
export function keepOffline(script: string, after: Promise<unknown>): void {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  const keep = async () => {
    await after;
    await navigator.serviceWorker.register(script);
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage('keep-all');
  };
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data === 'kept-all') document.documentElement.dataset.offline = 'ready';
  });
  void keep().catch(() => undefined);
}

/** Resolves a little after the page has loaded. */
export function loaded(): Promise<void> {
  return new Promise((resolve) => addEventListener('load', () => setTimeout(resolve, 1500)));
}

// Keeps the whole site in this browser: the page's own files when it is installed, the rest when the page is idle.

/** @param after what is more urgent: the line is the page's own until then */
export function keepOffline(script: string, after: Promise<unknown>): void {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  const keep = async () => {
    await after;
    await rested();
    await navigator.serviceWorker.register(script);
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage('keep-all');
  };
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data === 'kept-all') document.documentElement.dataset.offline = 'ready';
  });
  void keep().catch(() => undefined);
}

/** Resolves when nothing was pressed for a while: what is kept takes line and processor from what a press brings. */
function rested(ms = 2000): Promise<void> {
  return new Promise((resolve) => {
    let timer = setTimeout(resolve, ms);
    const again = () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, ms);
    };
    for (const type of ['keydown', 'pointerdown']) addEventListener(type, again, { passive: true });
  });
}

/** Resolves a little after the page has loaded. */
export function loaded(): Promise<void> {
  return new Promise((resolve) => addEventListener('load', () => setTimeout(resolve, 1500)));
}

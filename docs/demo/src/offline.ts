// Keeps the whole site in this browser: the page's own files when it is installed, the rest when the page is idle.

export function keepOffline(script: string): void {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  const keep = async () => {
    await navigator.serviceWorker.register(script);
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage('keep-all');
  };
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data === 'kept-all') document.documentElement.dataset.offline = 'ready';
  });
  addEventListener('load', () => setTimeout(() => void keep().catch(() => undefined), 1500));
}

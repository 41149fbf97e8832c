// The nano model's file, which is a part of the page: site/small-nano.mjs makes it.

let file: Promise<Uint8Array> | undefined;

export function nanoBytes(): Promise<Uint8Array> {
  file ??= read().catch((error) => {
    file = undefined;
    throw error;
  });
  return file;
}

async function read(): Promise<Uint8Array> {
  // A worker's script lies one folder below the page.
  const root = 'document' in globalThis ? document.baseURI : new URL('..', location.href);
  const response = await fetch(new URL('nano.gguf.gz', root));
  if (!response.ok)
    throw new Error(`nano.gguf.gz: expected status 200, got ${response.status}; reload the page`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // Some hosts unpack a .gz on the way.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

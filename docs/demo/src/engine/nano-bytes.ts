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
  const response = await fetch(new URL('nano.gguf.gzip', root));
  if (!response.ok)
    throw new Error(`nano.gguf.gzip: expected status 200, got ${response.status}; reload the page`);
  // Unpacked as it arrives; no host knows the ending, so none has unpacked it before.
  const unpacked = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(
    new DecompressionStream('gzip'),
  );
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

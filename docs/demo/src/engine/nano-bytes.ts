// The nano model's file, which is a part of the page.

let file: Promise<Uint8Array> | undefined;

export function nanoBytes(): Promise<Uint8Array> {
  file ??= read();
  return file;
}

async function read(): Promise<Uint8Array> {
  const response = await fetch(new URL('../../../../models/nano.gguf', import.meta.url));
  if (!response.ok) {
    file = undefined;
    throw new Error(`nano.gguf: expected status 200, got ${response.status}; reload the page`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

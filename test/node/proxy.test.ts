import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proxyFetch } from '../../src/node/proxy-fetch.ts';
import { startServer, type TestServer } from '../support/http-server.ts';

let target: TestServer;
let proxy: Server;
let address: string;
/** What the proxy was asked for: `GET http://…` or `CONNECT host:port`, with what says who asks. */
let asked: string[];

beforeEach(async () => {
  asked = [];
  target = await startServer((_, response) => response.end('from the target'));
  proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
    response.end('from the proxy');
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    const through = connect(Number(new URL(target.url).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      through.pipe(socket).pipe(through);
    });
    for (const end of [socket, through]) end.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

afterEach(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await target.close();
});

describe('proxyFetch', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])('asks the proxy of %s for a plain address', async (name) => {
    const fetch = await proxyFetch({ [name]: `http://me:secret@${address}` });
    const answer = await fetch('http://hub.example.invalid/file', { headers: { 'x-mine': '1' } });
    expect(await answer.text()).toBe('from the proxy');
    expect(asked).toEqual([`GET http://hub.example.invalid/file Basic ${btoa('me:secret')}`]);
  });

  it('goes through a tunnel to an address with TLS: the proxy learns host and port only', async () => {
    const fetch = await proxyFetch({ HTTPS_PROXY: `http://${address}` });
    // The target speaks no TLS, so the handshake fails; that it was tried through the proxy is what counts.
    await expect(fetch('https://hub.example.invalid/file')).rejects.toThrow();
    expect(asked).toEqual(['CONNECT hub.example.invalid:443']);
  });

  it('goes straight to what NO_PROXY names, and everywhere without a proxy', async () => {
    const straight = await proxyFetch({ HTTP_PROXY: `http://${address}`, NO_PROXY: 'example.org,127.0.0.1' });
    expect(await (await straight(target.url)).text()).toBe('from the target');
    expect(await proxyFetch({ NO_PROXY: '*' })).toBe(globalThis.fetch);
    expect(await proxyFetch({ HTTP_PROXY: `http://${address}`, NODE_USE_ENV_PROXY: '1' })).toBe(fetch);
    expect(asked).toEqual([]);
  });

  it('refuses what is no address of a proxy, without its password', async () => {
    await expect(proxyFetch({ HTTPS_PROXY: 'socks5://me:secret@host:1080' })).rejects.toThrow(
      /^HTTPS_PROXY: expected an address such as http:\/\/host:3128, got socks5:\/\/(?!.*secret)/,
    );
  });
});

// Plays a phone: serves the page that looks like one, makes a source for its app, and stands for the push service, whose
// notifications it hands to the page. Node 20 or later, nothing else.
//
//   FRONTDESK_TOKEN=… node examples/phone/serve.js        (FRONTDESK_URL, default http://localhost:8080; PORT, default 8091)
//
// The server has to be allowed to call this machine: --allow-outbound 127.0.0.0/8, as `make run` does.

import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const { FRONTDESK_URL: url = 'http://localhost:8080', FRONTDESK_TOKEN: token, PORT: port = '8091' } = process.env;
if (!token) throw new Error('FRONTDESK_TOKEN is missing: an access token of an administrator');
const here = `http://127.0.0.1:${port}`;

/** Asks the REST API. */
async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}/1.0${path}`, { method, headers, body: body && JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${told.message}`);
  return told;
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const account = {
  type: 'service_account',
  project_id: 'phone',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  client_email: 'push@phone.example',
  token_uri: `${here}/token`,
};
const community = await ask('POST', '/communities', { type: 'mobile_messaging', name: `Phone ${Date.now()}` });
await ask('PUT', `/communities/${community.id}/signed_identities`, { mode: 'reject' });
const source = await ask('POST', '/content_sources', {
  type: 'mobile_messaging',
  name: 'App of the phone',
  community_id: community.id,
  fcm_service_account: JSON.stringify(account),
  fcm_url: here,
});

/** Pages that listen for notifications. */
const phones = new Set();
const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/phone.js': ['phone.js', 'text/javascript; charset=utf-8'],
  '/messaging.js': ['../../web/client/dist/messaging.js', 'text/javascript; charset=utf-8'],
};

createServer(async (request, response) => {
  const path = new URL(request.url ?? '/', here).pathname;
  const json = (value) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  let body = '';
  for await (const part of request) body += part;
  if (path === '/app.json') json({ url, token: source.widget_token });
  else if (path === '/token') json({ access_token: 'of-the-phone', expires_in: 3600, token_type: 'Bearer' });
  else if (path === '/v1/projects/phone/messages:send') {
    const { message } = JSON.parse(body);
    for (const phone of phones) phone.write(`data: ${JSON.stringify(message)}\n\n`);
    json({ name: 'projects/phone/messages/1' });
  } else if (path === '/notifications') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': here\n\n');
    phones.add(response);
    request.on('close', () => phones.delete(response));
  } else if (path in files) {
    const [name, type] = files[path];
    try {
      response.writeHead(200, { 'Content-Type': type }).end(await readFile(fileURLToPath(new URL(name, import.meta.url))));
    } catch {
      response.writeHead(404).end('The package is not built: npm --prefix web run client');
    }
  } else response.writeHead(404).end();
}).listen(Number(port), '127.0.0.1', () => console.log(`The phone is at http://localhost:${port}; its source is ${source.id}`));

// Signing in, over the real server: invitations and forgotten passwords by mail, the second factor, another system.

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { open as openStories, Site } from '../stories/cast.ts';
import { Desk, open } from './cast.ts';
import { post } from './post.ts';

openStories();
open();

let opened: { close: () => unknown }[] = [];
afterEach(() => {
  for (const one of opened) one.close();
  opened = [];
});

/** What an authenticator app shows for this secret (RFC 6238). */
function totp(secret: string, at = Date.now()): string {
  const bits = [...secret.replace(/\s|=/g, '').toUpperCase()].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = mac[19]! & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

type Page = import('playwright-core').Page;

async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}
const isIn = (page: Page) => page.getByRole('navigation', { name: 'Folders' }).waitFor();

test('an invited colleague chooses a password by the mail, comes in, and forgets it again', async () => {
  const { url, mail } = await post(opened);
  const desk = await Desk.opens('--smtp-url', url, '--mail-from', 'desk@desk.example');
  const role = (await desk.server.get('/roles')).records.find(({ label }: { label: string }) => label === 'Agent');
  await desk.server.post('/users/invite', { email: 'nora@desk.example', firstname: 'Nora', lastname: 'New', role_id: role.id });
  const linkOf = async (words: string) => /http:\/\/\S+\/password#\w+/.exec(await mail(words))![0];
  const invitation = await linkOf('/password#');
  const { page } = await desk.sits('', { path: new URL(invitation).pathname + new URL(invitation).hash });
  await page.getByLabel('New password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('link', { name: 'To Frontdesk' }).click();
  await signIn(page, 'nora@desk.example', 'correct horse battery');
  await isIn(page);
  // Another day, in another browser.
  const { page: other, agent } = await desk.sits('');
  await other.getByRole('button', { name: 'Forgot your password?' }).click();
  await other.getByLabel('E-mail').fill('nora@desk.example');
  await other.getByRole('button', { name: 'Send me a link' }).click();
  await other.getByText('a mail with a link is on its way').waitFor();
  expect(await violations(other.mainFrame())).toEqual([]);
  const recovery = await mail('To: nora@desk.example');
  expect(recovery).toContain('/password#');
  expect(agent.errors).toEqual([]);
});

test('where no mail goes out none is promised, and whoever has an accent in their address comes in', async () => {
  const desk = await Desk.opens();
  const role = (await desk.server.get('/roles')).records.find(({ label }: { label: string }) => label === 'Agent');
  await desk.server.post('/users', { email: 'zoé.agent@desk.example', firstname: 'Zoé', lastname: 'Agent', role_id: role.id, password: 'correct horse battery' });
  const { page, agent } = await desk.sits('');
  await page.getByText('Ask an administrator for a new one.').waitFor();
  expect(await page.getByRole('button', { name: 'Forgot your password?' }).count()).toBe(0);
  expect(await violations(page.mainFrame())).toEqual([]);
  await signIn(page, 'zoé.agent@desk.example', 'correct horse battery');
  await isIn(page);
  expect(agent.errors).toEqual([]);
});

test('what is refused about links, passwords and codes is said in the language of who reads', async () => {
  const { url, mail } = await post(opened);
  const desk = await Desk.opens('--smtp-url', url, '--mail-from', 'desk@desk.example');
  const set = (settings: object) => desk.server.put('/settings', settings);
  await set({ password_min_length: 12, password_numbers: true, password_non_word: true, password_archivable_enabled: true, password_archivable_size: 3 });
  const role = (await desk.server.get('/roles')).records.find(({ label }: { label: string }) => label === 'Agent');
  await desk.server.post('/users/invite', { email: 'nora@desk.example', firstname: 'Nora', lastname: 'New', role_id: role.id });
  const link = new URL(/http:\/\/\S+\/password#\w+/.exec(await mail('/password#'))![0]);
  const { page, agent } = await desk.sits('', { locale: 'fr', path: link.pathname + link.hash });
  const said = (words: string) => page.getByRole('status').or(page.getByRole('alert')).getByText(words).waitFor();
  const saves = async (password: string) => {
    await page.getByLabel('Nouveau mot de passe').fill(password);
    await page.getByRole('button', { name: 'Enregistrer' }).click();
  };
  await saves('court');
  await said('Un mot de passe a au moins 12 caractères. Il faut un chiffre. Il faut un signe qui n’est ni une lettre ni un chiffre.');
  await saves('correct horse 7');
  await said('Votre mot de passe est enregistré.');
  await page.goto('about:blank');
  await page.goto(link.href);
  await said('Ce lien a déjà servi');

  const signsIn = async (password: string, email = 'nora@desk.example') => {
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Mot de passe', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Se connecter', exact: true }).click();
  };
  await page.goto(`${desk.server.url}/login`);
  await signsIn('wrong');
  await said('L’adresse ou le mot de passe n’est pas bon.');
  await page.getByRole('button', { name: 'Mot de passe oublié' }).click();
  await set({ password_recovery_disabled: true });
  await page.getByLabel('E-mail').fill('nora@desk.example');
  await page.getByRole('button', { name: 'Envoyez-moi un lien' }).click();
  await said('Ici, personne ne reçoit de nouveau mot de passe par courriel');
  // On the way in: a password that has expired, and a second factor that has to be there.
  await page.goto(`${desk.server.url}/login`);
  await set({ second_factor_required: true });
  await signsIn('correct horse 7');
  await page.getByLabel('Six chiffres').fill('000000');
  await page.getByRole('button', { name: 'Continuer' }).click();
  await said('Le code n’est pas bon, ou il a déjà servi.');
  await set({ second_factor_required: false });
  await page.goto(`${desk.server.url}/account`);
  await signsIn('correct horse 7');

  const own = page.locator('section', { hasText: 'Changez votre mot de passe' });
  const changes = async (password: string, chosen: string, words: string) => {
    await own.getByLabel('Mot de passe', { exact: true }).fill(password);
    await own.getByLabel('Nouveau mot de passe').fill(chosen);
    await own.getByRole('button').click();
    await own.getByRole('alert').getByText(words).waitFor();
  };
  await changes('wrong', 'battery staple 9', 'Ce n’est pas votre mot de passe.');
  await changes('correct horse 7', 'battery', 'Un mot de passe a au moins 12 caractères.');
  await changes('correct horse 7', 'correct horse 7', 'Vous avez déjà eu ce mot de passe');
  expect(agent.errors).toEqual([]);
});

test('who needs a second factor sets it up on the way in, and looks after it later', async () => {
  const desk = await Desk.opens();
  await desk.server.put('/settings', { second_factor_required: true });
  const { page, agent } = await desk.sits('');
  await signIn(page, 'admin@frontdesk.local', desk.server.password);
  await page.getByRole('img', { name: /picture to scan/ }).waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  const secret = await page.locator('.hint code').innerText();
  await page.getByLabel('Six digits').fill('000000');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('alert').getByText(/not right/).waitFor();
  await page.getByLabel('Six digits').fill(totp(secret));
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('heading', { name: 'Recovery codes' }).waitFor();
  const codes = await page.locator('.codes code').allInnerTexts();
  expect(codes.length).toBe(10);
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await isIn(page);

  await page.goto(`${new URL(page.url()).origin}/account`);
  await page.getByText('This browser').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  await desk.server.put('/settings', { second_factor_required: false });
  await page.reload();
  const factor = page.locator('section', { hasText: 'Second factor' });
  await factor.getByLabel('Password').fill(desk.server.password);
  await factor.getByLabel(/^Code/).fill(codes[0]!);
  await factor.getByRole('button', { name: 'Remove' }).click();
  await factor.getByRole('button', { name: 'Set it up' }).waitFor();
  const own = page.locator('section', { hasText: 'Change your password' });
  await own.getByLabel('Password', { exact: true }).fill(desk.server.password);
  await own.getByLabel('New password').fill('short');
  await own.getByRole('button').click();
  await own.getByRole('alert').getByText('A password has at least 8 characters.').waitFor();
  await own.getByLabel('New password').fill('correct horse battery');
  await own.getByRole('button').click();
  await page.getByText('Your password is changed').waitFor();
  // Of what she is mailed, kept at once.
  const given = page.getByLabel('A conversation is assigned to me');
  await given.check();
  await page.getByLabel('An answer waits for approval').check();
  await page.getByLabel('An answer waits for approval').uncheck();
  await page.getByLabel('A conversation that I deferred is back').check();
  const me = (await desk.server.get('/users/me')).id;
  await expect.poll(async () => (await desk.server.get(`/users/${me}/notifications`)).intervention_reactivated).toBe(true);
  await page.reload();
  await expect.poll(() => given.isChecked()).toBe(true);
  expect(await page.getByLabel('An answer waits for approval').isChecked()).toBe(false);
  expect(agent.errors).toEqual([]);
});

test('people who sign in at another system go there, come back, and leave without a circle', async () => {
  const desk = await Desk.opens();
  const secret = 'a secret that both systems know';
  const me = await desk.server.get('/users/me');
  await desk.server.put(`/users/${me.id}`, { external_id: 'otto-7' });
  let asked = 0;
  const other = createServer((request, response) => {
    asked++;
    const { searchParams } = new URL(request.url!, 'http://other');
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: Math.floor(Date.now() / 1_000), jti: `one-${asked}`, external_id: 'otto-7' })}`;
    const jwt = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
    const back = new URL(searchParams.get('return_to')!);
    response.writeHead(303, { Location: `${back.origin}/users/auth/jwt/callback?${new URLSearchParams({ jwt, return_to: back.href })}` }).end();
  });
  opened.push(other);
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const login = `http://people.localhost:${(other.address() as AddressInfo).port}/login`;
  await desk.server.put('/single_sign_on/jwt', { shared_secret: secret, remote_login_url: login, enabled: true });
  const { page } = await desk.sits('');
  await page.getByRole('link', { name: 'Sign in with people.localhost' }).click();
  await isIn(page);
  // At once, when the account wants it so; but not for who has just left, nor at /login.
  await desk.server.put('/single_sign_on/jwt', { default_authentication: true });
  const { page: second } = await desk.sits('', { path: '/inbox/mine' });
  await isIn(second);
  expect(new URL(second.url()).pathname).toBe('/inbox/mine');
  const before = asked;
  await second.keyboard.press('Control+k');
  await second.getByRole('option', { name: 'Sign out' }).click();
  await second.getByRole('link', { name: 'Sign in with people.localhost' }).waitFor();
  const { page: third } = await desk.sits('', { path: '/login' });
  await third.getByLabel('Password').waitFor();
  expect(asked).toBe(before);
});

/** A provider of OpenID Connect at which everybody is the same person, without being asked. */
async function provider(person: Record<string, unknown>): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const nonces = new Map<string, string>();
  let issuer = '';
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, issuer);
    const given = (name: string) => searchParams.get(name) ?? '';
    const away = (to: string) => response.writeHead(303, { Location: to }).end();
    const tell = (value: unknown) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    if (pathname === '/authorize') {
      const code = `code-${nonces.size}`;
      nonces.set(code, given('nonce'));
      return away(`${given('redirect_uri')}?${new URLSearchParams({ code, state: given('state') })}`);
    }
    if (pathname === '/logout') return away(given('post_logout_redirect_uri'));
    if (pathname === '/keys') return tell({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }] });
    if (pathname === '/token') {
      let form = '';
      for await (const bytes of request) form += bytes;
      const now = Math.floor(Date.now() / 1_000);
      const nonce = nonces.get(new URLSearchParams(form).get('code') ?? '');
      const signed = `${part({ alg: 'ES256', kid: 'one' })}.${part({ iss: issuer, aud: 'desk', exp: now + 60, iat: now, nonce, ...person })}`;
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
      return tell({ token_type: 'Bearer', access_token: 'a', id_token: `${signed}.${signature}` });
    }
    const at = (path: string) => `${issuer}/${path}`;
    tell({ issuer, authorization_endpoint: at('authorize'), token_endpoint: at('token'), jwks_uri: at('keys'), end_session_endpoint: at('logout') });
  });
  opened.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return issuer;
}

test('a provider is set up in the console, and a newcomer comes in by it and leaves', async () => {
  const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
  const issuer = await provider({ sub: '7', email: 'grace@desk.example', email_verified: true, given_name: 'Grace', family_name: 'Hopper' });
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/single_sign_on' });
  const form = page.getByRole('region', { name: 'OpenID Connect' });
  await form.getByText(`${desk.server.url}/users/auth/openid/callback`).waitFor();
  await form.getByLabel('It lets people in').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').getByText(/issuer can't be blank/).waitFor();
  await form.getByLabel('Issuer').fill(issuer);
  await form.getByLabel('Client ID').fill('desk');
  await form.getByLabel('What people know it by').fill('the company');
  await form.getByLabel('Whoever signs out here signs out there too').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get('/single_sign_on/openid')).enabled).toBe(true);
  expect(await violations(page.mainFrame())).toEqual([]);

  const { page: hers } = await desk.sits('', { path: '/inbox/mine' });
  await hers.getByRole('link', { name: 'Sign in with the company' }).click();
  await hers.getByRole('alert').getByText('there is no user for you here').waitFor();
  await form.getByLabel('Whoever comes for the first time and is nobody’s becomes a user').check();
  await form.getByLabel('Role of new users').selectOption({ label: 'Agent' });
  await form.getByLabel('Only with e-mails of these domains').fill('desk.example');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get('/single_sign_on/openid')).create_users).toBe(true);
  await hers.goto(`${desk.server.url}/inbox/mine`);
  await hers.getByRole('link', { name: 'Sign in with the company' }).click();
  await isIn(hers);
  expect(new URL(hers.url()).pathname).toBe('/inbox/mine');
  expect((await desk.server.get('/users?email=grace@desk.example')).records[0]).toMatchObject({ firstname: 'Grace', lastname: 'Hopper', no_password: true });
  await hers.keyboard.press('Control+k');
  await hers.getByRole('option', { name: 'Sign out' }).click();
  await hers.waitForURL(`${desk.server.url}/login`);
  await hers.getByLabel('Password').waitFor();
  expect(agent.errors.filter((error) => !error.includes('422'))).toEqual([]);
});

test('a page of another site changes nothing with the session of who looks at it', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Hello');
  const { page, agent } = await desk.sits('');
  await signIn(page, 'admin@frontdesk.local', desk.server.password);
  await isIn(page);
  const from = `http://desk.localhost:${desk.server.port}/1.0`;
  // Of the console itself, the same counts.
  expect(await page.evaluate(async (to) => (await fetch(`${to}/tags?name=Ours`, { method: 'POST', headers: { 'X-Frontdesk-Console': '1' } })).status, from)).toBeLessThan(300);
  const tags = async () => (await desk.server.get('/tags')).records.map(({ name }: { name: string }) => name);
  expect(await tags()).toEqual(['Ours']);

  const site = await Site.start('');
  site.pages['/'] = { body: `<iframe name="away"></iframe><form method="post" action="${from}/tags" target="away"><input name="name" value="Theirs"><button>Win a kettle</button></form><img src="${from}/tags?name=Theirs&_method=post">` };
  const theirs = await agent.open(site.url);
  const answered = theirs.waitForResponse((response) => response.request().method() === 'POST');
  await theirs.getByRole('button', { name: 'Win a kettle' }).click();
  expect((await answered).status()).toBe(401);
  const asks = (method: string, headers: Record<string, string>) =>
    theirs.evaluate(
      async ([to, method, headers]) => fetch(`${to}/tags?name=Theirs`, { method, credentials: 'include', headers }).then(({ status }) => status, () => 'refused'),
      [from, method, headers] as const,
    );
  expect(await asks('POST', {})).toBe('refused');
  expect(await asks('POST', { 'X-Frontdesk-Console': '1' })).toBe('refused');
  expect(await tags()).toEqual(['Ours']);
  // Whoever was led away and back is still signed in.
  await page.reload();
  await isIn(page);
});

test('on a phone, in French: an invitation leads in, and a forgotten password is chosen anew', async () => {
  const { url, mail } = await post(opened);
  const desk = await Desk.opens('--smtp-url', url, '--mail-from', 'desk@desk.example');
  await desk.server.put('/settings', { locale: 'fr' });
  const role = (await desk.server.get('/roles')).records.find(({ label }: { label: string }) => label === 'Agent');
  await desk.server.post('/users/invite', { email: 'noe@desk.example', firstname: 'Noé', lastname: 'Neuf', role_id: role.id });
  const phone = { locale: 'fr', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const linkOf = async (words: string) => {
    const { pathname, hash } = new URL(/http:\/\/\S+\/password#\w+/.exec(await mail(words))![0]);
    return pathname + hash;
  };
  const fits = async (page: Page) => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(await violations(page.mainFrame())).toEqual([]);
  };
  const chooses = async (page: Page, password: string) => {
    await page.getByLabel('Nouveau mot de passe').fill(password);
    await fits(page);
    await page.getByRole('button', { name: 'Enregistrer' }).tap();
    await page.getByRole('link', { name: 'Vers Frontdesk' }).tap();
    await page.getByLabel('E-mail').fill('noe@desk.example');
    await page.getByLabel('Mot de passe', { exact: true }).fill(password);
    await fits(page);
    await page.getByRole('button', { name: 'Se connecter', exact: true }).tap();
    await page.getByText('Vous n’avez accès à aucune source').waitFor();
  };
  const { page, agent } = await desk.sits('', { path: await linkOf('sous trois jours'), ...phone });
  await chooses(page, 'agrafe correcte cheval');
  const { page: other } = await desk.sits('', phone);
  await other.getByRole('button', { name: 'Mot de passe oublié' }).tap();
  await other.getByLabel('E-mail').fill('noe@desk.example');
  await fits(other);
  await other.getByRole('button', { name: 'Envoyez-moi un lien' }).tap();
  await other.getByText('un courriel avec un lien est en route').waitFor();
  await fits(other);
  const { page: again } = await desk.sits('', { path: await linkOf("dans l'heure"), ...phone });
  await chooses(again, 'cheval agrafe correct');
  expect(agent.errors).toEqual([]);
});

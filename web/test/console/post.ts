// Where mails go in stories.

import { type AddressInfo, createServer as createSocket } from 'node:net';

/** A mail server that takes everything and keeps it; it ends with whatever else was opened. */
export async function post(opened: { close: () => unknown }[]): Promise<{ url: string; mail: (words: string) => Promise<string> }> {
  const mails: string[] = [];
  const server = createSocket((socket) => {
    let inData = false;
    let text = '';
    const say = (line: string) => socket.write(`${line}\r\n`);
    say('220 post.example');
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString();
      for (;;) {
        if (inData) {
          const end = text.indexOf('\r\n.\r\n');
          if (end < 0) return;
          mails.push(text.slice(0, end));
          text = text.slice(end + 5);
          inData = false;
          say('250 taken');
          continue;
        }
        const end = text.indexOf('\r\n');
        if (end < 0) return;
        const line = text.slice(0, end).toUpperCase();
        text = text.slice(end + 2);
        if (line.startsWith('EHLO')) say('250 post.example');
        else if (line === 'DATA') {
          inData = true;
          say('354 go on');
        } else if (line === 'QUIT') {
          say('221 bye');
          socket.end();
        } else say('250 ok');
      }
    });
  });
  opened.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const mail = async (words: string): Promise<string> => {
    for (let tries = 0; tries < 500; tries++) {
      const found = mails.map((one) => one.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))).find((one) => one.includes(words));
      if (found) return found;
      await new Promise((next) => setTimeout(next, 20));
    }
    throw new Error(`no mail says ${words}: ${mails.join('\n---\n')}`);
  };
  return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, mail };
}

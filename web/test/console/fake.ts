// Services as `frontdesk fake` stands in for them.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PROGRAM } from '../frontdesk.ts';

/** Where it is, and the flags that lead a server to it; it ends with whatever else was opened. */
export async function fake(opened: { close: () => unknown }[], service: string): Promise<{ url: string; flags: string[] }> {
  const child = spawn(PROGRAM, ['fake', service, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  opened.push({ close: () => child.kill('SIGKILL') });
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    url ||= /is at (http:\S+)/.exec(line)?.[1] ?? '';
    const flags = /Lead a server to it with: (.*)/.exec(line)?.[1];
    if (flags) return { url, flags: flags.split(' ') };
  }
  throw new Error(`${service} ended`);
}

// A network between browsers and the server that fails when a test wants it to.

import { type ClientRequest, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export class Relay {
  /** Requests that arrive, but whose answers do not. */
  losesAnswers: ((request: IncomingMessage) => boolean) | undefined;
  /** What changes something waits for this; whose browser gives it up meanwhile, it does not get through. */
  holds: Promise<unknown> | undefined;
  /** Bodies go through at so many bytes in a hundredth of a second. */
  slow: number | undefined;
  /** Sockets do not get through, as with some proxies. */
  refusesSockets = false;
  #server: Server;
  #open = new Set<Socket>();
  #cut = false;

  private constructor(private readonly to: number) {
    this.#server = createServer((asked, answer) => void this.#pass(asked, answer));
    this.#server.on('connection', (socket: Socket) => {
      if (this.#cut) socket.destroy();
      else this.#hold(socket);
    });
    this.#server.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
      if (this.refusesSockets) {
        socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n');
        return;
      }
      const there = this.#hold(connect(to, '127.0.0.1'));
      there.on('close', () => socket.destroy());
      socket.on('close', () => there.destroy());
      const headers: string[] = [];
      for (let index = 0; index < asked.rawHeaders.length; index += 2) headers.push(`${asked.rawHeaders[index]}: ${asked.rawHeaders[index + 1]}`);
      there.write(`GET ${asked.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      there.write(head);
      socket.pipe(there).pipe(socket);
    });
  }

  static async before(port: number): Promise<Relay> {
    const relay = new Relay(port);
    await new Promise<void>((done) => relay.#server.listen(0, '127.0.0.1', done));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends everything that is open, and lets nothing through. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
    this.losesAnswers = undefined;
    this.holds = undefined;
    this.refusesSockets = false;
    this.slow = undefined;
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }

  #hold(socket: Socket): Socket {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket)).on('error', () => {});
    return socket;
  }

  async #drip(from: IncomingMessage, to: ClientRequest, bytes: number): Promise<void> {
    for await (const part of from) {
      to.write(part);
      await new Promise((next) => setTimeout(next, (10 * (part as Buffer).length) / bytes));
    }
    to.end();
  }

  async #pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (this.holds && asked.method !== 'GET') {
      await this.holds;
      if (answer.destroyed || asked.socket.destroyed) return;
    }
    const { method, url: path, headers } = asked;
    const loses = this.losesAnswers?.(asked);
    const there = request({ host: '127.0.0.1', port: this.to, method, path, headers }, (said) => {
      if (loses) {
        said.resume();
        asked.socket.destroy();
        return;
      }
      answer.writeHead(said.statusCode ?? 502, said.headers);
      said.pipe(answer);
      said.on('error', () => asked.socket.destroy());
    });
    there.on('error', () => asked.socket.destroy());
    answer.on('close', () => there.destroy());
    if (!this.slow) asked.pipe(there);
    else this.#drip(asked, there, this.slow).catch(() => there.destroy());
  }
}

/**
 * Blocking viewers of one media playlist, each on a connection of its own: asks for the next part,
 * waits for the answer, asks again. Prints when each answer came, by what was asked.
 *
 * Viewers do not ask again the instant they were answered: they are a network away. Here they ask
 * one by one, so that asking does not keep this process from seeing that others were answered.
 *
 *   bun load.program.ts <playlist url> <viewers> <seconds>
 */
import type { Socket } from "bun";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { endOf } from "#shared/hls/check-reload.ts";

const [playlistUrl = "", viewerCount = "0", seconds = "0"] = process.argv.slice(2);
const url = new URL(playlistUrl);
/** Connections that are made at the same time: a listener's queue is short. */
const CONNECTING = 100;
/** 3000 viewers ask again within 0.15 s, well before the next part. */
const ASKS_PER_MS = 20;
const HEAD_END = Buffer.from("\r\n\r\n");

type Target = { readonly msn: number; readonly part: number; readonly request: Buffer };

const targets = new Map<string, Target>();
const nextOf = new Map<string, Target>();
const answersMs: Record<string, number[]> = {};
let failures = 0;
let isMeasuring = false;

function targetOf(msn: number, part: number): Target {
  const key = `${msn}/${part}`;
  const known = targets.get(key);
  if (known !== undefined) return known;
  const path = `${url.pathname}?_HLS_msn=${msn}&_HLS_part=${part}`;
  const head = `GET ${path} HTTP/1.1\r\nhost: ${url.host}\r\nuser-agent: viewer\r\n\r\n`;
  const target = { msn, part, request: Buffer.from(head) };
  targets.set(key, target);
  return target;
}

/** What a viewer asks for after this playlist; each text is read only once. */
function follow(body: string): Target {
  const playlist = readMediaPlaylist(body);
  return targetOf(endOf(playlist), playlist.openParts.length);
}

/** On Bun's own sockets: what a viewer costs here is not to be taken for the server's. */
class Viewer {
  #socket: Socket | null = null;
  #target: Target;
  #chunks: Buffer[] = [];
  #have = 0;
  /** Bytes of the answer that is coming; 0 until its head is there. */
  #expected = 0;
  #bodyAt = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  async connect(): Promise<void> {
    this.#socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        data: (_, chunk) => this.#take(chunk),
        error: () => void (failures += 1),
      },
    });
  }

  ask(): void {
    this.#socket?.write(this.#target.request);
  }

  close(): void {
    this.#socket?.terminate();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    if (this.#expected === 0) this.#readHead();
    if (this.#expected > 0 && this.#have >= this.#expected) this.#finish();
  }

  #readHead(): void {
    const head = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    if (head === undefined) return;
    const end = head.indexOf(HEAD_END);
    if (end === -1) return;
    const fields = head.toString("latin1", 0, end);
    const length = /\r\ncontent-length: (\d+)/i.exec(fields)?.[1];
    if (length === undefined || !fields.startsWith("HTTP/1.1 200")) failures += 1;
    this.#bodyAt = end + 4;
    this.#expected = this.#bodyAt + Number(length);
  }

  #finish(): void {
    const { msn, part } = this.#target;
    const key = `${msn}/${part}`;
    if (isMeasuring) (answersMs[key] ??= []).push(Date.now());
    let next = nextOf.get(key);
    if (next === undefined) {
      next = follow(Buffer.concat(this.#chunks).toString("utf8", this.#bodyAt, this.#expected));
      nextOf.set(key, next);
    }
    this.#target = next;
    this.#chunks = [];
    this.#have = 0;
    this.#expected = 0;
    asking.push(this);
  }
}

/** Those who were answered, in the order in which they ask again. */
const asking: Viewer[] = [];
let askedAtMs = performance.now();

function askAgain(): void {
  const most = Math.ceil((performance.now() - askedAtMs) * ASKS_PER_MS);
  askedAtMs = performance.now();
  for (const viewer of asking.splice(0, most)) viewer.ask();
}

setInterval(askAgain, 1);

const first = follow(await (await fetch(url)).text());
const viewers = Array.from({ length: Number(viewerCount) }, () => new Viewer(first));
for (let from = 0; from < viewers.length; from += CONNECTING) {
  await Promise.all(viewers.slice(from, from + CONNECTING).map((viewer) => viewer.connect()));
}
for (const viewer of viewers) viewer.ask();
// Two seconds for everybody to reach the live edge.
await Bun.sleep(2000);
isMeasuring = true;
await Bun.sleep(Number(seconds) * 1000);
isMeasuring = false;
for (const viewer of viewers) viewer.close();
console.log(JSON.stringify({ viewers: viewers.length, failures, answersMs }));
process.exit(0);

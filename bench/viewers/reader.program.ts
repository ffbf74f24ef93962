/**
 * Viewers who read a broadcast part by part, each with what a browser sends along. They ask for the
 * next playlist and wait for it; the part they load is the one it names (`hinted`: asked for before it
 * is there, over a connection of its own) or the newest it lists (`listed`, as hls.js does). Prints
 * what they got.
 *
 * As in `load.program.ts` they do not ask again the instant they were answered.
 *
 *   bun reader.program.ts <playlist url> <viewers> <seconds> hinted|listed
 */
import type { Socket } from "bun";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { endOf } from "#shared/hls/check-reload.ts";

const [playlistUrl = "", viewerCount = "0", seconds = "0", habit = "listed"] = process.argv
  .slice(2);
const url = new URL(playlistUrl);
const CONNECTING = 100;
const ASKS_PER_MS = 20;
const SETTLE_MS = 2000;
const HEAD_END = Buffer.from("\r\n\r\n");

/** Two files to ask for, as paths. */
type Step = { readonly playlist: string; readonly part: string };

const counts = { playlists: 0, parts: 0, failures: 0 };
const nextOf = new Map<string, Step>();
/** Those who were answered, in the order in which they ask again. */
const asking: (() => void)[] = [];

function headOf(path: string, viewer: number): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: keep-alive\r\n` +
    `User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ` +
    `Chrome/140.0.0.${viewer} Safari/537.36\r\nAccept: */*\r\nOrigin: http://localhost\r\n` +
    `Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n` +
    `Referer: http://localhost/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n` +
    `Accept-Language: en-US,en;q=0.9\r\n\r\n`;
}

/** What follows a playlist; each text is read only once. */
function follow(path: string, body: () => string): Step {
  const known = nextOf.get(path);
  if (known !== undefined) return known;
  const playlist = readMediaPlaylist(body());
  const parts = playlist.openParts;
  const newest = parts.at(-1) ?? playlist.segments.at(-1)?.parts.at(-1);
  const uri = habit === "hinted" ? playlist.preloadHintUri : newest?.uri;
  const query = `?_HLS_msn=${endOf(playlist)}&_HLS_part=${parts.length}`;
  const step = {
    playlist: url.pathname + query,
    part: url.pathname.replace("index.m3u8", uri ?? "none"),
  };
  nextOf.set(path, step);
  return step;
}

/** One connection: a request, its answer, whoever wants it. */
class Line {
  #socket: Socket | null = null;
  #chunks: Buffer[] = [];
  #have = 0;
  /** Bytes of the answer that is coming; 0 until its head is there. */
  #expected = 0;
  #bodyAt = 0;
  #onAnswer: (body: () => string) => void = () => {};

  async connect(): Promise<void> {
    this.#socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        data: (_, chunk) => this.#take(chunk),
        error: () => void (counts.failures += 1),
      },
    });
  }

  ask(head: string, onAnswer: (body: () => string) => void): void {
    this.#onAnswer = onAnswer;
    this.#socket?.write(head);
  }

  close(): void {
    this.#socket?.terminate();
  }

  #take(chunk: Buffer): void {
    if (this.#expected === 0) this.#chunks.push(chunk);
    else if (this.#chunks.length < 8) this.#chunks.push(chunk);
    this.#have += chunk.length;
    if (this.#expected === 0) this.#readHead();
    if (this.#expected > 0 && this.#have >= this.#expected) this.#finish();
  }

  #readHead(): void {
    const head = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const end = head?.indexOf(HEAD_END) ?? -1;
    if (head === undefined || end === -1) return;
    const fields = head.toString("latin1", 0, end);
    const length = /\r\ncontent-length: (\d+)/i.exec(fields)?.[1];
    if (length === undefined || !fields.startsWith("HTTP/1.1 200")) counts.failures += 1;
    this.#bodyAt = end + 4;
    this.#expected = this.#bodyAt + Number(length ?? 0);
  }

  #finish(): void {
    const [chunks, from, to] = [this.#chunks, this.#bodyAt, this.#expected];
    this.#chunks = [];
    this.#have = 0;
    this.#expected = 0;
    this.#onAnswer(() => Buffer.concat(chunks).toString("utf8", from, to));
  }
}

class Reader {
  readonly #number: number;
  readonly #playlists = new Line();
  readonly #parts = habit === "hinted" ? new Line() : this.#playlists;
  #step: Step;
  /** Parts that were asked for before this one was answered are not asked for twice. */
  #isLoading = false;

  constructor(number: number, first: Step) {
    this.#number = number;
    this.#step = first;
  }

  async connect(): Promise<void> {
    await this.#playlists.connect();
    if (this.#parts !== this.#playlists) await this.#parts.connect();
  }

  begin(): void {
    this.#askForPlaylist();
    if (habit === "hinted") this.#askForPart();
  }

  close(): void {
    this.#playlists.close();
    this.#parts.close();
  }

  #askForPlaylist(): void {
    const { playlist } = this.#step;
    this.#playlists.ask(headOf(playlist, this.#number), (body) => {
      counts.playlists += 1;
      this.#step = follow(playlist, body);
      if (habit === "listed") return void asking.push(() => this.#askForPart());
      asking.push(() => this.#askForPlaylist());
      if (!this.#isLoading) asking.push(() => this.#askForPart());
    });
  }

  #askForPart(): void {
    const { part } = this.#step;
    this.#isLoading = true;
    this.#parts.ask(headOf(part, this.#number), () => {
      counts.parts += 1;
      this.#isLoading = false;
      if (habit === "listed") asking.push(() => this.#askForPlaylist());
      else if (this.#step.part !== part) asking.push(() => this.#askForPart());
    });
  }
}

let askedAtMs = performance.now();

function askAgain(): void {
  const most = Math.ceil((performance.now() - askedAtMs) * ASKS_PER_MS);
  askedAtMs = performance.now();
  for (const ask of asking.splice(0, most)) ask();
}

setInterval(askAgain, 1);

const text = await (await fetch(url)).text();
const first = follow("", () => text);
const readers = Array.from({ length: Number(viewerCount) }, (_, index) => new Reader(index, first));
for (let from = 0; from < readers.length; from += CONNECTING) {
  await Promise.all(readers.slice(from, from + CONNECTING).map((reader) => reader.connect()));
}
for (const reader of readers) reader.begin();
await Bun.sleep(SETTLE_MS);
console.log("reading");
const before = { ...counts };
await Bun.sleep(Number(seconds) * 1000);
console.log(JSON.stringify({
  playlists: counts.playlists - before.playlists,
  parts: counts.parts - before.parts,
  failures: counts.failures,
}));
for (const reader of readers) reader.close();
process.exit(0);

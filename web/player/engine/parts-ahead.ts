/**
 * Parts that are asked for before they are listed. Far from the server, a part that is asked for once it
 * is listed comes a round trip later than it could, and each waits for the one before.
 */
import {
  Hls,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  LoaderContextType,
} from "hls.js/light";
import { hintedPart } from "./hinted-part.ts";

type Callbacks = LoaderCallbacks<LoaderContext>;

/** From so far on it is worth a second request under way. */
const FAR_MS = 100;
/** The soonest of so many answers is about how far the server is. */
const ANSWERS = 5;
/** One part in so many is not asked for ahead, and tells how far the server is by now. */
const TELLING = 10;
/** Who is so far behind asks for nothing more. */
const MAX_AHEAD = 3;

/** One request that nobody has asked for yet. */
export class PartAhead extends Hls.DefaultConfig.loader {
  #hasFailed = false;
  #deliver: (() => void) | null = null;
  #taker: Callbacks | null = null;

  ask(url: string, config: LoaderConfiguration): void {
    const context = { type: LoaderContextType.MEDIA_FRAGMENT, url, responseType: "arraybuffer" };
    const fail = (tell: (taker: Callbacks) => void) => {
      this.#hasFailed = true;
      if (this.#taker !== null) tell(this.#taker);
    };
    super.load(context, config, {
      onSuccess: (response, ...rest) => this.#succeed((by) => by.onSuccess(response, ...rest)),
      onError: (...why) => fail((taker) => taker.onError(...why)),
      onTimeout: (...why) => fail((taker) => taker.onTimeout(...why)),
    });
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** `taker` hears of it from now on, as though it had asked itself; at once where it is there. */
  giveTo(taker: Callbacks): void {
    this.#taker = taker;
    const { loading } = this.stats;
    loading.start = loading.first > 0 ? loading.first : performance.now();
    // A request never answers while it is made.
    if (this.#deliver !== null) queueMicrotask(this.#deliver);
  }

  #succeed(tell: (taker: Callbacks) => void): void {
    this.#deliver = () => {
      if (this.#taker !== null) tell(this.#taker);
      this.#taker = null;
    };
    this.#deliver();
  }
}

/** Of one player. */
export class PartsAhead {
  #asked: ReadonlyMap<string, PartAhead> = new Map();
  #answersMs: readonly number[] = [];
  #playlistPath = "";
  #parts = 0;
  /** Whether the line has room for it. */
  isWelcome = (): boolean => false;

  /** How long the way to the server and back is, in ms, where it is far; else 0. */
  get roundTripMs(): number {
    const soonestMs = this.#answersMs.length < ANSWERS ? 0 : Math.min(...this.#answersMs);
    return soonestMs < FAR_MS ? 0 : soonestMs;
  }

  /** What was there to be had was answered after so long. */
  noteAnswer(answerMs: number): void {
    this.#answersMs = [...this.#answersMs.slice(1 - ANSWERS), answerMs];
  }

  /** A live playlist has come: what it says is next is asked for. */
  notePlaylist(text: string, url: string, ask: () => PartAhead, config: LoaderConfiguration): void {
    const { pathname } = new URL(url);
    if (pathname !== this.#playlistPath) this.drop();
    this.#playlistPath = pathname;
    const next = hintedPart(text, url);
    if (next === null || this.#asked.has(next)) return;
    if (this.roundTripMs === 0 || this.#asked.size >= MAX_AHEAD || !this.isWelcome()) return;
    this.#parts += 1;
    if (this.#parts % TELLING === 0) return;
    const part = ask();
    this.#asked = new Map([...this.#asked, [next, part]]);
    part.ask(next, config);
  }

  /** What was asked for at `url`, for one taker, who owns it from then on. */
  take(url: string): PartAhead | null {
    const part = this.#asked.get(url) ?? null;
    if (part === null) return null;
    const addresses = [...this.#asked.keys()];
    // Those before it are not asked for any more.
    for (const passed of addresses.slice(0, addresses.indexOf(url))) {
      this.#asked.get(passed)?.destroy();
    }
    this.#asked = new Map([...this.#asked].slice(addresses.indexOf(url) + 1));
    return part;
  }

  drop(): void {
    for (const part of this.#asked.values()) part.destroy();
    this.#asked = new Map();
  }
}

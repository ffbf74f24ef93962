/**
 * How hls.js loads a live broadcast: its media playlists from the first part on, and what was asked for
 * before the player was there not once more.
 */
import {
  Hls,
  type HlsConfig,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  LoaderContextType,
  type RetryConfig,
} from "hls.js/light";
import { takeEarlyAnswer } from "./early-answers.ts";
import { askForParts, toPlayerPlaylist } from "./early-playlist.ts";
import { PartAhead, type PartsAhead } from "./parts-ahead.ts";

/** A connection that breaks is no answer: the same is asked again, at once and then less often. */
const MAX_ASKED_AGAIN = 8;
const ASK_AGAIN: RetryConfig = {
  maxNumRetry: MAX_ASKED_AGAIN,
  retryDelayMs: 25,
  maxRetryDelayMs: 1000,
  shouldRetry: (_config, count, isTimeout, response) =>
    !isTimeout && response?.code === 0 && count < MAX_ASKED_AGAIN,
};

type Callbacks = LoaderCallbacks<LoaderContext>;

class LiveLoader extends Hls.DefaultConfig.loader {
  readonly #ahead: PartsAhead;
  readonly #config: HlsConfig;
  #isCalledOff = false;
  #part: PartAhead | null = null;
  #callOff = () => {};

  constructor(config: HlsConfig, ahead: PartsAhead) {
    super({ ...config, xhrSetup: openForServer });
    this.#config = config;
    this.#ahead = ahead;
  }

  override load(context: LoaderContext, given: LoaderConfiguration, callbacks: Callbacks): void {
    if (isMediaPlaylist(context)) this.#loadPlaylist(context, askingAgain(given), callbacks);
    else if ("frag" in context) this.#loadMedia(context, askingAgain(given), callbacks);
    else this.#loadText(context, given, callbacks);
  }

  override abort(): void {
    this.#isCalledOff = true;
    this.#part?.abort();
    this.#callOff();
    super.abort();
  }

  override destroy(): void {
    this.#isCalledOff = true;
    this.#part?.destroy();
    super.destroy();
  }

  #loadText(context: LoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
    const early = takeEarlyAnswer(serverUrlOf(context));
    if (early === undefined) return super.load(context, config, callbacks);
    early.then(
      (text) => this.#isCalledOff ? undefined : this.#succeed(text, context, callbacks),
      () => this.#isCalledOff ? undefined : super.load(context, config, callbacks),
    );
  }

  #loadPlaylist(context: LoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
    const ask = () => new PartAhead(this.#config);
    this.#loadText(context, config, {
      ...callbacks,
      onSuccess: (response, ...rest) => {
        const { data } = response;
        if (typeof data !== "string") return callbacks.onSuccess(response, ...rest);
        this.#ahead.notePlaylist(data, response.url, ask, { ...config });
        callbacks.onSuccess({ ...response, data: toPlayerPlaylist(data) }, ...rest);
      },
    });
  }

  #loadMedia(context: LoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
    const part = this.#ahead.take(context.url);
    if (part !== null && !part.hasFailed) return this.#follow(part, context, callbacks);
    const isPart = "part" in context && context.part !== null;
    super.load(context, config, {
      ...callbacks,
      onSuccess: (response, stats, ...rest) => {
        if (stats.retry === 0 && isPart) {
          this.#ahead.noteAnswer(stats.loading.first - stats.loading.start);
        }
        callbacks.onSuccess(response, stats, ...rest);
      },
    });
  }

  /** What is under way already is this request from now on. */
  #follow(part: PartAhead, context: LoaderContext, callbacks: Callbacks): void {
    this.#part = part;
    const { stats } = part;
    if ("part" in context) Object.assign(context.part as object, { stats });
    this.#callOff = () => callbacks.onAbort?.(stats, context, null);
    part.giveTo({
      onSuccess: (response, _stats, _context, details) =>
        callbacks.onSuccess(response, stats, context, details),
      onError: (error, _context, details) => callbacks.onError(error, context, details, stats),
      onTimeout: (_stats, _context, details) => callbacks.onTimeout(stats, context, details),
    });
  }

  #succeed(text: string, context: LoaderContext, { onSuccess }: Callbacks): void {
    const { stats } = this;
    const nowMs = performance.now();
    stats.loaded = stats.total = text.length;
    stats.loading = { start: nowMs, first: nowMs, end: nowMs };
    onSuccess({ url: context.url, data: text, code: 200 }, stats, context, null);
  }
}

/** The loader of one player, whose parts may be there `ahead` of time. */
export function loadThrough(ahead: PartsAhead): typeof Hls.DefaultConfig.loader {
  return class extends LiveLoader {
    constructor(config: HlsConfig) {
      super(config, ahead);
    }
  };
}

function askingAgain(config: LoaderConfiguration): LoaderConfiguration {
  return { ...config, loadPolicy: { ...config.loadPolicy, errorRetry: ASK_AGAIN } };
}

/** hls.js opens the request itself when this has not. */
function openForServer(xhr: XMLHttpRequest, _url: string, context: LoaderContext): void {
  if (isMediaPlaylist(context)) xhr.open("GET", serverUrlOf(context));
}

function serverUrlOf(context: LoaderContext): string {
  return isMediaPlaylist(context) ? askForParts(context.url) : context.url;
}

function isMediaPlaylist(context: LoaderContext): boolean {
  return "type" in context && context.type === LoaderContextType.LEVEL;
}

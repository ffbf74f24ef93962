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

export class LiveLoader extends Hls.DefaultConfig.loader {
  #isCalledOff = false;

  constructor(config: HlsConfig) {
    super({ ...config, xhrSetup: openForServer });
  }

  override load(context: LoaderContext, given: LoaderConfiguration, callbacks: Callbacks): void {
    const config = isMediaPlaylist(context) || "frag" in context ? askingAgain(given) : given;
    const ours = isMediaPlaylist(context) ? withPlayerPlaylists(callbacks) : callbacks;
    const early = takeEarlyAnswer(serverUrlOf(context));
    if (early === undefined) return super.load(context, config, ours);
    early.then(
      (text) => this.#isCalledOff ? undefined : this.#succeed(text, context, ours),
      () => this.#isCalledOff ? undefined : super.load(context, config, ours),
    );
  }

  override abort(): void {
    this.#isCalledOff = true;
    super.abort();
  }

  override destroy(): void {
    this.#isCalledOff = true;
    super.destroy();
  }

  #succeed(text: string, context: LoaderContext, { onSuccess }: Callbacks): void {
    const { stats } = this;
    const nowMs = performance.now();
    stats.loaded = stats.total = text.length;
    stats.loading = { start: nowMs, first: nowMs, end: nowMs };
    onSuccess({ url: context.url, data: text, code: 200 }, stats, context, null);
  }
}

function askingAgain(config: LoaderConfiguration): LoaderConfiguration {
  return { ...config, loadPolicy: { ...config.loadPolicy, errorRetry: ASK_AGAIN } };
}

function withPlayerPlaylists(callbacks: Callbacks): Callbacks {
  return {
    ...callbacks,
    onSuccess: (response, ...rest) => {
      const { data } = response;
      const text = typeof data === "string" ? toPlayerPlaylist(data) : data;
      callbacks.onSuccess({ ...response, data: text }, ...rest);
    },
  };
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

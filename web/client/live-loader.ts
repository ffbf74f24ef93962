/**
 * How hls.js loads a live broadcast: its media playlists from the first part on.
 */
import {
  Hls,
  type HlsConfig,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  LoaderContextType,
} from "hls.js/light";
import { toPlayerPlaylist, toServerUrl } from "./early-playlist.ts";

type Callbacks = LoaderCallbacks<LoaderContext>;

export class LiveLoader extends Hls.DefaultConfig.loader {
  constructor(config: HlsConfig) {
    super({ ...config, xhrSetup: openForServer });
  }

  override load(context: LoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
    if (!isMediaPlaylist(context)) return super.load(context, config, callbacks);
    const onSuccess: Callbacks["onSuccess"] = (response, ...rest) => {
      const { data } = response;
      const text = typeof data === "string" ? toPlayerPlaylist(data) : data;
      callbacks.onSuccess({ ...response, data: text }, ...rest);
    };
    super.load(context, config, { ...callbacks, onSuccess });
  }
}

/** hls.js opens the request itself when this has not. */
function openForServer(xhr: XMLHttpRequest, url: string, context: LoaderContext): void {
  if (isMediaPlaylist(context)) xhr.open("GET", toServerUrl(url));
}

function isMediaPlaylist(context: LoaderContext): boolean {
  return "type" in context && context.type === LoaderContextType.LEVEL;
}

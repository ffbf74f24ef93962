/**
 * Where a publisher wants to publish, out of the many ways encoders and people say it.
 */

export type PublishTarget = {
  /** First segment of the application's path. */
  readonly app: string;
  /** Empty when the encoder gave none. */
  readonly streamKey: string;
};

/** Zero-width characters, byte order marks, control characters and white space. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\s]+/gu;
/** What no key begins or ends with: quotes, brackets, slashes, stray punctuation. */
const WRAPPING = /^[^\p{L}\p{N}_-]+|[^\p{L}\p{N}_-]+$/gu;
/** Adobe's name for an application's only instance. */
const DEFAULT_INSTANCE = "_definst_";
/** The whole address, pasted where only a part of it belongs. */
const SERVER = /^rtmps?:\/\/[^/]*/i;

/**
 * App and key from `connect`'s app and `publish`'s name.
 *
 * Accepts the key as the stream name or as the end of the app's path (the broadcaster pasted it
 * behind the server's address), the app's name in front of the key as well as in the address, or
 * there alone; instance paths; `?query` on either; and around or inside them what a copy from a web
 * page or a chat brings along: white space, invisible characters, quotes, slashes, `%20`.
 */
export function readPublishTarget(appPath: string, streamName: string): PublishTarget {
  const path = splitPath(appPath);
  const name = splitPath(streamName);
  // A key alone is no app: an address without one is refused for that, not for what the key says.
  const app = path[0] ?? (name.length > 1 ? name[0] : undefined) ?? "";
  return { app, streamKey: name.at(-1) ?? path.slice(1).at(-1) ?? "" };
}

function splitPath(text: string): string[] {
  const [path = ""] = text.replace(INVISIBLE, "").split("?", 1);
  return decodePercent(path)
    .replace(INVISIBLE, "")
    .replace(SERVER, "")
    .split("/")
    .map((part) => part.replace(WRAPPING, ""))
    .filter((part) => part !== "" && part !== DEFAULT_INSTANCE);
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is no encoding
  }
}

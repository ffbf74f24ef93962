/**
 * Where a publisher wants to publish, out of the many ways encoders say it.
 */

export type PublishTarget = {
  /** First segment of the application's path. */
  readonly app: string;
  /** Empty when the encoder gave none. */
  readonly streamKey: string;
};

/**
 * App and key from `connect`'s app and `publish`'s name.
 *
 * Accepts the key as the stream name or as the rest of the app's path (the broadcaster pasted it
 * behind the server's address), stray white space and slashes, and `?query` on either.
 */
export function readPublishTarget(appPath: string, streamName: string): PublishTarget {
  const [app = "", ...rest] = cleanPath(appPath).split("/");
  const name = cleanPath(streamName);
  return { app: app.trim(), streamKey: name === "" ? cleanPath(rest.join("/")) : name };
}

function cleanPath(text: string): string {
  const withoutQuery = text.split("?", 1)[0] ?? "";
  return withoutQuery.replace(/^[\s/]+|[\s/]+$/g, "");
}

/**
 * What the ingest server asks of the node, and what it hands over: who may publish, and their tags.
 */

/** One publish attempt, before anything was answered. */
export type PublishRequest = {
  /** New UUID for each attempt. */
  readonly publisherId: string;
  /** Trimmed, without `?query`, from the stream name or from the app's path. */
  readonly streamKey: string;
  readonly remoteAddress: string;
  /** What the encoder calls itself in `connect` (flashVer). */
  readonly encoder: string | null;
};

/** A refusal is answered before `Publish.Start`, with a sentence the broadcaster can act on. */
export type PublishDecision =
  | { readonly isAccepted: true; readonly sink: PublisherSink }
  | {
    readonly isAccepted: false;
    readonly code: "BadName" | "Denied";
    readonly reason: string;
    /**
     * The key itself is bad (unknown, revoked), whatever else changes: the same key is then refused
     * for some seconds without asking again. Leave it out for "already live" or "no video yet".
     */
    readonly isKeyBad?: boolean;
  };

/** One tag as it came off the wire. */
export type WireTag = {
  readonly type: "audio" | "video" | "script";
  /** The publisher's own clock, 32 bits of ms: not to be trusted. */
  readonly timestampMs: number;
  /** Owned by the receiver. */
  readonly body: Uint8Array;
};

/** Why a publisher is gone. */
export type PublisherEnd =
  | { readonly cause: "stopped" } // deleteStream, closeStream or FCUnpublish
  | { readonly cause: "limit"; readonly detail: string } // bitrate ceiling or maximum duration
  | { readonly cause: "lost"; readonly detail: string } // socket closed, idle, protocol error
  | { readonly cause: "kicked"; readonly detail?: string }; // the sentence it was told

/**
 * Receives what an accepted publisher sends. Calls come in order; `onEnd` exactly once, last:
 * also when the publisher was gone before its acceptance could be told, then without `onStart`.
 */
export interface PublisherSink {
  /** Called right after `Publish.Start` was written, before any tag. */
  onStart(publisher: Publisher): void;
  onTag(tag: WireTag): void;
  onEnd(end: PublisherEnd): void;
}

/** The accepted connection, as the node may act on it. */
export interface Publisher {
  readonly id: string;
  readonly remoteAddress: string;
  /** Clock (performance.now) of the last byte received. */
  readonly lastByteAtMs: number;
  /** Stops and resumes reading the socket: TCP then holds the encoder back. */
  pause(): void;
  resume(): void;
  /**
   * Cuts the connection. With a reason its encoder is told first, and may read that for a moment;
   * without one the socket is destroyed, which an encoder takes for a lost line: it comes back.
   */
  kick(reason?: KickReason): void;
}

/** Why an accepted publisher is cut, in the words its encoder shows. */
export type KickReason = {
  readonly sentence: string;
  /** Of the `onStatus` error. Default `NetStream.Publish.Failed`. */
  readonly code?: string;
};

export type PublishHandler = (request: PublishRequest) => Promise<PublishDecision>;

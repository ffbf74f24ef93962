/**
 * What one connection and one ingest server may use up. Every number has a reason to exist: each
 * bounds something a stranger could otherwise grow.
 */

export type IngestLimits = {
  /** From the TCP connection to the `publish` command. */
  readonly publishDeadlineMs: number;
  /** Backstop for the publish handler: past it the publisher is refused. */
  readonly authoriseDeadlineMs: number;
  /** Without a byte from a live publisher, unless we hold its socket paused. */
  readonly idleMs: number;
  /** For this long a socket may read our last words, or close after its own. */
  readonly closingMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Connections that have not been accepted yet; the oldest one makes room for a new one. */
  readonly maxPending: number;
  /** Keys one address may have us ask about, per minute, without one being good. */
  readonly maxUnknownKeysPerMinute: number;
  /** How long a bad key is refused again without asking. */
  readonly badKeyMemoryMs: number;
  /** Ceiling of everything a live publisher sends, averaged over 10 s. */
  readonly maxBitrateBps: number;
  /** Ceiling of audio, video and data messages, averaged over 10 s. */
  readonly maxMessagesPerSecond: number;
  /** Of one publisher; a broadcast with reconnects has several. */
  readonly maxDurationMs: number;
};

export const DEFAULT_LIMITS: IngestLimits = {
  publishDeadlineMs: 10_000,
  authoriseDeadlineMs: 15_000,
  idleMs: 15_000,
  closingMs: 1_000,
  maxConnections: 1_000,
  maxConnectionsPerAddress: 200,
  maxPending: 200,
  maxUnknownKeysPerMinute: 20,
  badKeyMemoryMs: 10_000,
  maxBitrateBps: 60_000_000,
  maxMessagesPerSecond: 1_000,
  maxDurationMs: 24 * 3_600_000,
};

/** Caps inside one RTMP conversation: fixed, because no encoder comes near them. */
export const PROTOCOL_LIMITS = {
  commandBytes: 8 * 1024,
  dataBytes: 64 * 1024,
  audioBytes: 64 * 1024,
  videoBytes: 8 * 1024 * 1024,
  /** Inside one aggregate: it is read in one go. */
  aggregateMessages: 1000,
  controlBytes: 64,
  /** Everything before the publish was accepted, the handshake aside. */
  bytesBeforePublish: 64 * 1024,
  /** All messages of one connection that are still incomplete, together. */
  bytesInProgress: 12 * 1024 * 1024,
  chunkStreams: 16,
  /** Of one connection before it is accepted. */
  commandsBeforePublish: 64,
  /** Of a live publisher: encoders that ask for something say it every few seconds. */
  commandsPerMinute: 120,
} as const;

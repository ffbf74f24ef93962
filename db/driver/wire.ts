/**
 * Values on their way to Postgres and back, and how the client library is set up.
 *
 * The library serialises parameters while it writes to the socket; an exception there rejects
 * whichever query is running and desynchronises the connection. So everything that can fail fails
 * here first, in `encodeParameters`, and no serialiser below throws.
 */
import postgres from "postgres";

/** An object or array: its JSON for jsonb, its items for an array type, decided by the server. */
class Structure {
  readonly value: object;
  readonly #json: string;
  constructor(value: object) {
    this.value = value;
    this.#json = JSON.stringify(value);
  }
  toString(): string {
    return this.#json;
  }
}

/** The protocol counts parameters in 16 bits. */
const MAX_PARAMETERS = 65_533;

/**
 * Parameters as the library may have them.
 * @throws TypeError for a value that cannot be sent: undefined, an invalid Date, cyclic JSON
 */
export function encodeParameters(parameters: readonly unknown[]): unknown[] {
  if (parameters.length > MAX_PARAMETERS) {
    throw new TypeError(`${parameters.length} parameters, expected at most ${MAX_PARAMETERS}`);
  }
  return parameters.map(encodeParameter);
}

function encodeParameter(value: unknown, index: number): unknown {
  if (value === undefined || typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`parameter ${index + 1} is ${typeof value}, expected a value`);
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (!(value instanceof Date)) return new Structure(value);
  if (Number.isNaN(value.getTime())) {
    throw new TypeError(`parameter ${index + 1} is an invalid Date`);
  }
  return value;
}

/** An array in Postgres' own notation. @see PostgreSQL documentation, 8.15.6 */
function encodeArray(input: unknown): string {
  const value = input instanceof Structure ? input.value : input;
  if (!Array.isArray(value)) return String(value);
  const items = value.map((item: unknown) =>
    item === null || item === undefined
      ? "null"
      : `"${encodeItem(item).replace(/["\\]/g, (character) => `\\${character}`)}"`
  );
  return `{${items.join(",")}}`;
}

function encodeItem(item: unknown): string {
  if (item instanceof Uint8Array) return encodeBytes(item);
  return item instanceof Date ? item.toISOString() : String(item);
}

function encodeBytes(value: unknown): string {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : String(value);
}

function decodeBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), "hex"));
}

function decodeArray(text: string): string[] {
  return Array.from(
    text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/g),
    ([, quoted, plain = ""]) => quoted?.replace(/\\(.)/g, "$1") ?? plain,
  );
}

/** Types by their fixed object ids (pg_type.dat), so that no connection has to ask for them. */
export const WIRE_TYPES = {
  bigint: { to: 20, from: [20], serialize: String, parse: Number },
  bytea: { to: 17, from: [17], serialize: encodeBytes, parse: decodeBytes },
  date: {
    to: 1184,
    from: [1082, 1114, 1184],
    serialize: (value: unknown) => value instanceof Date ? value.toISOString() : String(value),
    parse: (text: string) => new Date(text),
  },
  json: { to: 114, from: [114, 3802], serialize: encodeJson, parse: JSON.parse },
  // text[], varchar[], uuid[]
  textArray: { to: 1009, from: [1009, 1015, 2951], serialize: encodeArray, parse: decodeArray },
  // int2[], int4[], int8[], float8[]
  numberArray: {
    to: 1007,
    from: [1005, 1007, 1016, 1022],
    serialize: encodeArray,
    parse: (text: string) => decodeArray(text).map(Number),
  },
} satisfies Record<string, postgres.PostgresType>;

function encodeJson(value: unknown): string {
  return value instanceof Structure ? value.toString() : JSON.stringify(value);
}

export type ConnectOptions = {
  /** `postgres://…` */
  readonly url: string;
  readonly maxConnections: number;
  readonly connectDeadlineMs: number;
  /** The server ends a statement that takes longer. */
  readonly statementDeadlineMs: number;
  readonly applicationName: string;
  /** Close connections that were idle this long; 0 keeps them. */
  readonly idleMs: number;
  readonly onClose?: () => void;
};

/** A library instance with our types and time limits; it connects at its first query. */
export function connectPostgres(options: ConnectOptions): postgres.Sql {
  return postgres(options.url, {
    max: options.maxConnections,
    types: WIRE_TYPES,
    // Asking for array types runs detached: when the connection dies meanwhile, its rejection is
    // nobody's and ends the process.
    fetch_types: false,
    connect_timeout: options.connectDeadlineMs / 1000,
    idle_timeout: options.idleMs / 1000,
    // The default backs off up to 20 s and would outlast the outage; replacing is our business.
    backoff: () => 0.05,
    onnotice: () => {},
    onclose: () => options.onClose?.(),
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.statementDeadlineMs,
      idle_in_transaction_session_timeout: 3 * options.statementDeadlineMs,
    },
  });
}

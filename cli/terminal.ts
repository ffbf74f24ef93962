/**
 * Where a command talks: data on stdout, talk on stderr, colours only for people.
 */

export type Terminal = {
  /** stderr is a terminal and nobody asked for plain text. */
  readonly isInteractive: boolean;
  /** One line (or several) of talk on stderr. */
  say(text: string): void;
  /** Data on stdout: text as it is, anything else as one JSON document. */
  print(data: unknown): void;
  readonly style: Style;
};

export type Style = {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
};

export type TerminalOptions = {
  readonly isTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
};

const plain = (text: string) => text;
const PLAIN: Style = { good: plain, bad: plain, warn: plain, dim: plain, bold: plain };

const wrap = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const COLOURED: Style = {
  good: wrap(32),
  bad: wrap(31),
  warn: wrap(33),
  dim: wrap(2),
  bold: wrap(1),
};

/** A terminal that is plain off a TTY, in CI and under NO_COLOR. @see https://no-color.org */
export function createTerminal(options: TerminalOptions): Terminal {
  const { env } = options;
  const isSet = (name: string) => (env[name] ?? "") !== "";
  const isInteractive = options.isTty && !isSet("CI");
  return {
    isInteractive,
    say: (text) => options.writeError(`${text}\n`),
    print: (data) => {
      const text = typeof data === "string" ? data : JSON.stringify(data);
      options.writeOut(`${text}\n`);
    },
    style: isInteractive && !isSet("NO_COLOR") && env["TERM"] !== "dumb" ? COLOURED : PLAIN,
  };
}

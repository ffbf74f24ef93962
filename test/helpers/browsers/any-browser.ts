/**
 * What tests ask of a browser, whichever it is.
 */

export type BrowserName = "chromium" | "firefox" | "webkit";

export type LaunchOptions = {
  /** Nothing plays before somebody clicks, muted or not. Default: what is muted does. */
  readonly isAutoplayBlocked?: boolean;
};

export type AnyPage = {
  /** What `run` returns in the page, given `input`; both travel as JSON. */
  readonly evaluate: <Input, Output>(
    run: (input: Input) => Output | Promise<Output>,
    input: Input,
  ) => Promise<Output>;
  /** Clicks as a mouse does, in the middle of the first element of that CSS selector. */
  readonly click: (selector: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type AnyBrowser = {
  readonly name: BrowserName;
  /** A page of its own beside all others, in sight; `watch` runs in it as early as can be. */
  readonly open: (url: string, watch: () => void) => Promise<AnyPage>;
  readonly close: () => Promise<void>;
};

/** An expression that calls `run` with the JSON in the variable `input`, and makes JSON of the answer. */
export function asExpression(run: (input: never) => unknown): string {
  return `Promise.resolve((${run.toString()})(JSON.parse(input)))` +
    ".then((output) => JSON.stringify(output ?? null))";
}

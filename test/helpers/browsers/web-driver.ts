/**
 * WebDriver over plain HTTP: one session with some windows.
 * @see https://www.w3.org/TR/webdriver2/
 */
import { until } from "../until.ts";
import { type AnyPage, asExpression } from "./any-browser.ts";

const START_MS = 60_000;
const COMMAND_MS = 40_000;
/** Small: each picture is drawn by the processor. */
const SIZE = { width: 360, height: 480 };
/** By which WebDriver names an element. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Finds an element in the page or its shadow trees. */
const FIND = `const find = (root) => root.querySelector(arguments[0]) ??
  [...root.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot && find(shadowRoot))
    .find((found) => found) ?? null;
return find(document);`;

export class WebDriver {
  readonly #session: string;
  /** The window that the browser begins with, which stays. */
  readonly #first: string;
  /** Commands go to the window that was chosen last: one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(session: string, first: string) {
    this.#session = session;
    this.#first = first;
  }

  static async connect(address: string, capabilities: unknown): Promise<WebDriver> {
    const body = { capabilities: { alwaysMatch: capabilities } };
    const { sessionId } = await ask<{ sessionId: string }>(`${address}/session`, body, START_MS);
    const session = `${address}/session/${sessionId}`;
    return new WebDriver(session, await ask(`${session}/window`, null, COMMAND_MS, "GET"));
  }

  /** A window of its own. */
  async open(url: string, watch: () => void): Promise<AnyPage> {
    const { handle: window } = await this.#in(
      this.#first,
      () => this.#ask<{ handle: string }>("/window/new", { type: "window" }),
    );
    await this.#in(window, () => this.#ask("/window/rect", { ...SIZE }));
    await this.#in(window, () => this.#ask("/url", { url }));
    const evaluate: AnyPage["evaluate"] = async (run, input) => {
      const script = `const [input, done] = arguments; ${asExpression(run)}` +
        ".then((json) => done([json]), (error) => done([null, String(error)]))";
      const [json, error] = await this.#in(
        window,
        () =>
          this.#ask<[string, string?]>("/execute/async", { script, args: [JSON.stringify(input)] }),
      );
      if (error !== undefined) throw new Error(error);
      return JSON.parse(json);
    };
    await until(() => evaluate(isThere, url), START_MS);
    await evaluate(watch, null);
    return {
      evaluate,
      click: (selector) => this.#in(window, () => this.#click(selector)),
      close: async () => {
        await this.#in(window, () => ask(`${this.#session}/window`, null, COMMAND_MS, "DELETE"));
      },
    };
  }

  async close(): Promise<void> {
    await this.#next(() => ask(this.#session, null, COMMAND_MS, "DELETE"));
  }

  async #click(selector: string): Promise<void> {
    const found = await this.#ask<Record<string, string> | null>("/execute/sync", {
      script: FIND,
      args: [selector],
    });
    if (found === null) throw new Error(`nothing is ${selector}`);
    await this.#ask(`/element/${found[ELEMENT]}/click`, {});
  }

  #in<Result>(handle: string, act: () => Promise<Result>): Promise<Result> {
    return this.#next(async () => {
      await this.#ask("/window", { handle });
      return await act();
    });
  }

  #next<Result>(act: () => Promise<Result>): Promise<Result> {
    const next = this.#last.then(act);
    this.#last = next.catch(() => {});
    return next;
  }

  #ask<Result>(path: string, body: unknown): Promise<Result> {
    return ask<Result>(`${this.#session}${path}`, body, COMMAND_MS);
  }
}

async function ask<Result>(
  url: string,
  body: unknown,
  deadlineMs: number,
  method = "POST",
): Promise<Result> {
  const response = await fetch(url, {
    method,
    ...(body === null ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(deadlineMs),
  });
  const { value } = await response.json() as { value: unknown };
  if (!response.ok) throw new Error(`${new URL(url).pathname}: ${JSON.stringify(value)}`);
  return value as Result;
}

/** Runs in the page. */
function isThere(url: string): boolean {
  return location.href === url && document.readyState !== "loading";
}

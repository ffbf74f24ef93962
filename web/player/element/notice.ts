/**
 * The words over the picture: in the player's own shadow, or in an element the page brings along with
 * `slot="notice"`, a `p` and a `button`.
 */
import type { PlayerWords } from "../../words/player/en.ts";
import type { Screen } from "../watching/watch-screen.ts";
import { writeText } from "./write-text.ts";

export class Notice {
  readonly #element: HTMLElement;
  #text: HTMLElement;
  readonly #action: HTMLButtonElement;
  readonly #words: PlayerWords;
  readonly #edgeClass: string;

  /** `onAction` is called when the viewer asks for what the words offer. */
  constructor(host: HTMLElement, words: PlayerWords, onAction: () => void) {
    const brought = findUsable(host);
    const element = brought ?? host.shadowRoot?.querySelector<HTMLElement>(".notice") ?? null;
    const text = element?.querySelector<HTMLElement>("p") ?? null;
    const action = element?.querySelector("button") ?? null;
    if (element === null || text === null || action === null) {
      throw new Error("a notice needs a p and a button");
    }
    this.#element = element;
    this.#text = text;
    this.#action = action;
    this.#words = words;
    this.#edgeClass = brought === null ? "bar-notice" : "bar";
    action.addEventListener("click", onAction);
  }

  hide(): void {
    this.#element.hidden = true;
  }

  show({ words, isCovering, action }: Screen): void {
    this.#say(words ?? "");
    writeText(this.#action, action === null ? "" : this.#words[action]);
    this.#action.hidden = action === null;
    this.#element.hidden = words === null;
    this.#element.classList.toggle(this.#edgeClass, !isCovering);
  }

  /** In a paragraph of its own: other words in the same would be one that moves. */
  #say(words: string): void {
    if (this.#text.textContent === words) return;
    const fresh = this.#text.cloneNode() as HTMLElement;
    fresh.textContent = words;
    this.#text.replaceWith(fresh);
    this.#text = fresh;
  }
}

/** A page's own that has places for words and a button; what else it has brought is not shown. */
function findUsable(host: HTMLElement): HTMLElement | null {
  const brought = host.querySelector<HTMLElement>(":scope > [slot=notice]");
  if (brought === null) return null;
  const isUsable = brought.querySelector("p") !== null && brought.querySelector("button") !== null;
  if (!isUsable) brought.removeAttribute("slot");
  return isUsable ? brought : null;
}

/**
 * What lies around the picture from the beginning: a frame that controls can be put into, and the words.
 */
import css from "./player.css" with { type: "text" };

export type PlayerShadow = {
  readonly root: ShadowRoot;
  /** Holds the slot of the media element. */
  readonly frame: HTMLElement;
};

const HTML = `
<div class="frame"><slot name="media"></slot></div>
<slot name="notice">
  <div class="notice" role="status" hidden><p></p><button class="action" type="button"></button></div>
</slot>`;

/** Gives `host` its shadow tree. */
export function createShadow(host: HTMLElement): PlayerShadow {
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheetOf(css)];
  root.innerHTML = HTML;
  const frame = root.querySelector<HTMLElement>(".frame");
  if (frame === null) throw new Error("the player has no frame");
  return { root, frame };
}

/** No policy forbids a style sheet that is constructed. */
export function sheetOf(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

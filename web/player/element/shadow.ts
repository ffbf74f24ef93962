/**
 * What lies around the picture from the beginning: a frame that controls can be put into, and the words.
 */
import css from "./player.css" with { type: "text" };

export type PlayerShadow = {
  readonly root: ShadowRoot;
  /** Its child is the media element, or the slot of one; what lies around that is in its own shadow. */
  readonly frame: HTMLElement;
  readonly frameRoot: ShadowRoot;
};

/** Gives `host` its shadow tree. By calls alone: some pages allow no markup. */
export function createShadow(host: HTMLElement): PlayerShadow {
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheetOf(css)];
  const frame = create("div", { className: "frame" });
  const frameRoot = frame.attachShadow({ mode: "open" });
  frameRoot.append(create("slot", { name: "media" }));
  const notice = create("div", { className: "notice", role: "status", hidden: true });
  notice.append(create("p", {}), create("button", { className: "action", type: "button" }));
  const noticeSlot = create("slot", { name: "notice" });
  noticeSlot.append(notice);
  root.append(frame, noticeSlot);
  return { root, frame, frameRoot };
}

/** No policy forbids a style sheet that is constructed. */
export function sheetOf(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

function create<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]>,
): HTMLElementTagNameMap[Name] {
  return Object.assign(document.createElement(name), properties);
}

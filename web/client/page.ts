/**
 * The parts of the watch page, and how a screen is put into them.
 */
import type { Screen } from "../player/watch-screen.ts";

export const page = {
  root: find("[data-video]", HTMLElement),
  video: find("video", HTMLVideoElement),
  notice: find("[data-notice]", HTMLElement),
  text: find("[data-notice] p", HTMLElement),
  action: find("[data-notice] button", HTMLButtonElement),
  badge: find("[data-badge]", HTMLButtonElement),
  title: find("h1", HTMLElement),
  behind: find("[data-behind]", HTMLElement),
  edge: find("[data-live-edge]", HTMLButtonElement),
  realTime: find("[data-real-time]", HTMLButtonElement),
};

const ACTIONS = { playRecording: "Watch the recording" } as const;

export function show(screen: Screen): void {
  const { state, words, isCovering, action, badge, isWayBack, ageS } = screen;
  write(page.text, words ?? "");
  write(page.action, action === null ? "" : ACTIONS[action]);
  page.action.hidden = action === null;
  page.notice.hidden = words === null;
  page.notice.classList.toggle("bar", !isCovering);
  write(page.badge, badge);
  page.badge.dataset["state"] = state;
  page.badge.disabled = !isWayBack;
  page.badge.title = isWayBack ? "Back to live" : "";
  // A badge that says it is enough.
  write(page.behind, ageS === null || isWayBack ? "" : `${ageS.toFixed(1)} s behind`);
}

/** What is written anew is read out anew. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function find<E extends HTMLElement>(selector: string, type: new () => E): E {
  const element = document.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${selector}`);
}

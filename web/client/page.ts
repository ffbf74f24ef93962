/**
 * The parts of the watch page around its player, and how a screen is put into them.
 */
import { SluicePlayer } from "../player/element/sluice-player.ts";
import type { PlayerWords } from "../words/player/en.ts";
import { fill } from "../words/player/words.ts";
import { writeText } from "../player/element/write-text.ts";

export type WatchPageParts = {
  readonly root: HTMLElement;
  readonly player: SluicePlayer;
  readonly badge: HTMLButtonElement;
  readonly title: HTMLElement;
  readonly realTime: HTMLButtonElement;
  /** Shows what the player's screen is. */
  readonly show: () => void;
};

const inTenths = new Intl.NumberFormat(document.documentElement.lang, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

export function createPage(words: PlayerWords): WatchPageParts {
  const player = find("sluice-player", SluicePlayer);
  const badge = find("[data-badge]", HTMLButtonElement);
  const behind = find("[data-behind]", HTMLElement);
  const realTime = find("[data-real-time]", HTMLButtonElement);
  const show = () => {
    const { screen } = player;
    if (screen === null) return;
    const { state, badge: text, isWayBack, ageS, isLive } = screen;
    writeText(badge, text);
    badge.dataset["state"] = state === "joining" && !isLive ? "recording" : state;
    badge.disabled = !isWayBack;
    badge.title = isWayBack ? words.backToLive : "";
    // A badge that says it is enough.
    const isSaid = ageS === null || isWayBack;
    writeText(behind, isSaid ? "" : fill(words.behind, { s: inTenths.format(ageS) }));
    const isOver = state === "ended" || state === "waiting" || state === "removed";
    realTime.hidden = !isLive || isOver || !("MediaSource" in window);
    realTime.setAttribute("aria-pressed", String(player.isRealTime));
  };
  const root = find("[data-video]", HTMLElement);
  return { root, player, badge, title: find("h1", HTMLElement), realTime, show };
}

function find<E extends HTMLElement>(selector: string, type: new () => E): E {
  const element = document.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${selector}`);
}

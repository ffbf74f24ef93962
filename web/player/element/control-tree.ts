/**
 * The controls as a tree of media-chrome's elements.
 */
import "media-chrome/dist/media-control-bar.js";
import "media-chrome/dist/media-controller.js";
import "media-chrome/dist/media-error-dialog.js";
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-live-button.js";
import "media-chrome/dist/media-loading-indicator.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-poster-image.js";
import "media-chrome/dist/media-text-display.js";
import "media-chrome/dist/media-time-display.js";
import "media-chrome/dist/media-time-range.js";
import "media-chrome/dist/media-volume-range.js";
import "media-chrome/dist/menu/media-captions-menu-button.js";
import "media-chrome/dist/menu/media-captions-menu.js";
import "media-chrome/dist/menu/media-chrome-menu-item.js";
import "media-chrome/dist/menu/media-chrome-menu.js";
import "media-chrome/dist/menu/media-playback-rate-menu.js";
import "media-chrome/dist/menu/media-rendition-menu.js";
import "media-chrome/dist/menu/media-settings-menu-button.js";
import "media-chrome/dist/menu/media-settings-menu-item.js";
import "media-chrome/dist/menu/media-settings-menu.js";
import type { PlayerWords } from "../../words/player/en.ts";
import { keyLabel, type KeyName, KEYS } from "./keys.ts";
import { adoptStylesOf } from "./strict-styles.ts";
import { trustedHtml } from "./trusted-html.ts";

/** What the tree holds, and what these hold. */
const NAMES = [
  "captions-menu-button",
  "captions-menu",
  "chrome-menu-item",
  "chrome-menu",
  "control-bar",
  "controller",
  "error-dialog",
  "fullscreen-button",
  "gesture-receiver",
  "live-button",
  "loading-indicator",
  "mute-button",
  "pip-button",
  "play-button",
  "playback-rate-menu",
  "poster-image",
  "preview-chapter-display",
  "preview-thumbnail",
  "preview-time-display",
  "rendition-menu",
  "settings-menu-button",
  "settings-menu-item",
  "settings-menu",
  "text-display",
  "time-display",
  "time-range",
  "tooltip",
  "volume-range",
];

export type ControlTree = {
  readonly controller: HTMLElement;
  readonly bar: HTMLElement;
  readonly distance: HTMLElement;
  readonly back: HTMLElement;
  readonly invitation: HTMLElement;
  readonly poster: HTMLElement;
  readonly latencyMenu: HTMLElement;
  readonly help: HTMLDialogElement;
  readonly timeRange: HTMLElement;
  readonly fullscreen: HTMLElement;
};

/** A tree of its own for each player. */
export function createControlTree(words: PlayerWords): ControlTree {
  adoptStylesOf(NAMES.map((name) => `media-${name}`));
  const template = document.createElement("template");
  template.innerHTML = trustedHtml(html(words));
  const tree = document.importNode(template.content, true);
  const find = (selector: string): HTMLElement => {
    const element = tree.querySelector<HTMLElement>(selector);
    if (element === null) throw new Error(`the controls have no ${selector}`);
    return element;
  };
  const help = tree.querySelector("dialog");
  if (help === null) throw new Error("the controls have no help");
  return {
    controller: find("media-controller"),
    bar: find(".bar"),
    distance: find(".distance"),
    back: find(".back"),
    invitation: find(".invitation"),
    poster: find("media-poster-image"),
    latencyMenu: find(".latency-menu"),
    help,
    timeRange: find("media-time-range"),
    fullscreen: find("media-fullscreen-button"),
  };
}

/** All text in it is ours: nothing of a stranger's. */
function html(words: PlayerWords): string {
  const { quality, speed, latency, lowLatency, realTime, realTimeLimits, unmute } = words;
  return `
<media-controller nohotkeys nomutedpref novolumepref>
  <slot name="media" slot="media"></slot>
  <media-poster-image slot="poster" class="poster"></media-poster-image>
  <div class="corner" slot="top-chrome" noautohide>
    <button class="back" type="button" hidden></button>
    <button class="invitation" type="button" hidden>${unmute}</button>
  </div>
  <media-loading-indicator slot="centered-chrome" noautohide></media-loading-indicator>
  <media-play-button slot="centered-chrome" class="begin"></media-play-button>
  <media-error-dialog slot="dialog"></media-error-dialog>
  <dialog class="help" slot="dialog" closedby="any" aria-labelledby="keys">
    ${keyTable(words)}
  </dialog>
  <media-captions-menu hidden anchor="auto"></media-captions-menu>
  <media-settings-menu hidden anchor="auto">
    <media-settings-menu-item class="quality">${quality}
      <media-rendition-menu slot="submenu" hidden>
        <div slot="title">${quality}</div>
      </media-rendition-menu>
    </media-settings-menu-item>
    <media-settings-menu-item class="latency">${latency}
      <media-chrome-menu slot="submenu" class="latency-menu" hidden>
        <div slot="title">${latency}</div>
        <media-chrome-menu-item type="radio" value="low">${lowLatency}</media-chrome-menu-item>
        <media-chrome-menu-item type="radio" value="real-time">
          <span>${realTime}<small class="limits">${realTimeLimits}</small></span>
        </media-chrome-menu-item>
      </media-chrome-menu>
    </media-settings-menu-item>
    <media-settings-menu-item class="speed">${speed}
      <media-playback-rate-menu slot="submenu" hidden rates="0.5 0.75 1 1.25 1.5 2">
        <div slot="title">${speed}</div>
      </media-playback-rate-menu>
    </media-settings-menu-item>
  </media-settings-menu>
  <div class="bar">
    <media-time-range></media-time-range>
    <media-control-bar>
      <media-play-button></media-play-button>
      <media-mute-button></media-mute-button>
      <media-volume-range></media-volume-range>
      <media-live-button></media-live-button>
      <media-text-display class="distance"></media-text-display>
      <media-time-display showduration notoggle></media-time-display>
      <span class="space"></span>
      <media-captions-menu-button></media-captions-menu-button>
      <media-settings-menu-button></media-settings-menu-button>
      <media-pip-button></media-pip-button>
      <media-fullscreen-button></media-fullscreen-button>
    </media-control-bar>
  </div>
</media-controller>`;
}

function keyTable(words: PlayerWords): string {
  const rows = Object.entries(KEYS).map(([name, keys]) => {
    const labels = name === "share" ? ["0", "9"] : keys.map(keyLabel);
    const shown = labels.map((label) => `<kbd>${label === "<" ? "&lt;" : label}</kbd>`);
    const between = name === "share" ? "–" : " ";
    const meaning = words.keys[name as KeyName];
    return `<div><dt>${shown.join(between)}</dt><dd>${meaning}</dd></div>`;
  });
  return `<h2 id="keys">${words.keyboard}</h2><dl>${rows.join("")}</dl>`;
}

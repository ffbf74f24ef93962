/**
 * The watch page's island: waits for the broadcast, plays it close to its live edge or in real time,
 * and says in words what is going on when there is no picture.
 */
import { playHls } from "../player/hls-player.ts";
import type { Player, PlayerEvents } from "../player/player.ts";
import { readAhead } from "../player/read-ahead.ts";
import { ServerClock } from "../player/server-clock.ts";
import { fetchVideo, type VideoState } from "./video-state.ts";

const POLL_MS = 2000;
const SHOW_MS = 250;
/** How long the picture may stand still before the page says why. */
const PATIENCE_MS = 2500;
/** The controls come by then, picture or not. */
const CONTROLS_PATIENCE_MS = 3000;
/** Shorter answers to a patient question than this are not repeated at once. */
const ASK_AGAIN_MS = 500;

const page = {
  root: find("[data-video]", HTMLElement),
  stage: find(".stage", HTMLElement),
  video: find("video", HTMLVideoElement),
  notice: find("[data-notice]", HTMLElement),
  text: find("[data-notice] p", HTMLElement),
  action: find("[data-notice] button", HTMLButtonElement),
  badge: find("[data-badge]", HTMLElement),
  title: find("h1", HTMLElement),
  behind: find("[data-behind]", HTMLElement),
  edge: find("[data-live-edge]", HTMLButtonElement),
  realTime: find("[data-real-time]", HTMLButtonElement),
};
const videoUrl = page.root.dataset["video"] ?? "";
const clock = new ServerClock(new URL("../livez", page.root.dataset["playback"]).href);

let player: Player | null = null;
/** A player that waits for the broadcast to begin. */
let waiting: { readonly player: Player; readonly url: string; readonly begin: () => void } | null =
  null;
let status: VideoState["status"] | null = null;
let playbackUrl = page.root.dataset["playback"] ?? "";
let isRealTime = false;
let hasPlayed = false;
/** The broadcast ended while it was watched; what is left of it may still be shown. */
let isOver = false;
let onAction: (() => void) | null = null;
let lastPictureMs = performance.now();
let lastTimeS = -1;

const STANDSTILL =
  "The picture has stopped: the broadcaster or the network is away. Trying again …";
const BADGES = { CREATED: "not live yet", RUNNING: "LIVE", ENDED: "ended" } as const;

const events: PlayerEvents = {
  onTrouble: () => {},
  onUnsupported: () => showNotice("This browser cannot play HLS video."),
};

function showNotice(text: string, action: { label: string; run: () => void } | null = null): void {
  page.text.textContent = text;
  page.action.hidden = action === null;
  page.action.textContent = action?.label ?? "";
  onAction = action?.run ?? null;
  page.notice.hidden = false;
}

async function play(isLive: boolean): Promise<void> {
  // Browsers let nothing else begin by itself; later on it is the viewer's choice.
  if (!hasPlayed) page.video.muted = true;
  hasPlayed = true;
  player?.destroy();
  player = null;
  if (beginWaiting(isLive)) return;
  if (!isLive || !isRealTime) {
    player = playHls(page.video, { url: playbackUrl, isLive }, events);
    return;
  }
  // A bundle of its own: most viewers never need it.
  const { RealTimePlayer } = await import("../player/real-time-player.ts");
  if (!isRealTime || player !== null) return;
  player = new RealTimePlayer(page.video, playbackUrl.replace(/\.m3u8$/, ".flv"), events);
}

/** The player is there before the broadcast: what it costs to make one is paid while nobody waits. */
function prepare(): void {
  const { promise: begins, resolve: begin } = Promise.withResolvers<void>();
  waiting?.player.destroy();
  const url = playbackUrl;
  waiting = { url, begin, player: playHls(page.video, { url, isLive: true, begins }, events) };
}

/** Lets the player that waits begin; false when there is none for what is to be played. */
function beginWaiting(isLive: boolean): boolean {
  const prepared = waiting;
  waiting = null;
  if (prepared === null) return false;
  if (!isLive || isRealTime || prepared.url !== playbackUrl) {
    prepared.player.destroy();
    return false;
  }
  player = prepared.player;
  prepared.begin();
  return true;
}

/** Acts on a change of the video's status; a broadcast that ends is played out first. */
function apply(state: VideoState): void {
  page.title.textContent = state.title;
  playbackUrl = state.playbackUrl;
  become(state.status);
}

function become(next: VideoState["status"]): void {
  page.badge.textContent = BADGES[next];
  page.badge.dataset["status"] = next;
  page.realTime.hidden = next !== "RUNNING" || !("MediaSource" in window);
  if (next === status) return;
  const before = status;
  status = next;
  if (next === "CREATED") {
    showNotice("The broadcast has not begun yet. This page starts by itself when it does.");
    if (player === null) prepare();
    void waitForStart();
  } else if (next === "ENDED" && before === "RUNNING") {
    if (isRealTime) endRealTime();
    isOver = true;
    offerRecording();
  } else {
    showNotice("Loading …");
    void play(next === "RUNNING");
  }
}

async function poll(): Promise<void> {
  try {
    const state = await fetchVideo(videoUrl);
    if (state === null) forget();
    // The playback server is sooner to know of a start than the API.
    else if (state.status !== "CREATED" || status !== "RUNNING") apply(state);
  } catch {
    if (player === null) showNotice("The server does not answer. Trying again …");
  }
  if (status !== "ENDED") setTimeout(() => void poll(), POLL_MS);
}

/** It has shown all there was, and would only go on asking for more. */
function endRealTime(): void {
  setRealTime(false);
  player?.destroy();
  player = null;
}

function offerRecording(): void {
  showNotice("The broadcast has ended.", {
    label: "Watch the recording",
    run: () => {
      isOver = false;
      showNotice("Loading …");
      void play(false);
    },
  });
}

function forget(): void {
  page.realTime.hidden = true;
  showNotice("This video is gone.");
}

/** The playback server keeps the question until there is something to play. */
async function waitForStart(): Promise<void> {
  while (status === "CREATED") {
    const askedAtMs = performance.now();
    const answer = await fetch(`${playbackUrl}?wait=YES`, { cache: "no-store" }).catch(() => null);
    if (answer?.ok === true && status === "CREATED") {
      // The player asks for itself, and says what is wrong.
      readAhead(playbackUrl, answer.text()).catch(() => {});
      become("RUNNING");
    }
    const tookMs = performance.now() - askedAtMs;
    if (tookMs < ASK_AGAIN_MS) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

function setRealTime(isOn: boolean): void {
  isRealTime = isOn;
  page.realTime.setAttribute("aria-pressed", String(isOn));
}

/** What the page says beside and over the picture, a few times a second. */
function show(): void {
  const isLive = status === "RUNNING" && player !== null;
  showLatency(isLive);
  page.edge.hidden = !isLive || player?.holder == null || player.holder.isAtLive;
  showStandstill(isLive);
}

function showLatency(isLive: boolean): void {
  const nowMs = clock.nowMs();
  const playingAtMs = isLive ? player?.playingAtMs() ?? null : null;
  if (nowMs === null || playingAtMs === null) {
    page.behind.textContent = "";
    return;
  }
  const behindS = Math.max(0, nowMs - playingAtMs) / 1000;
  page.behind.textContent = `${behindS.toFixed(1)} s behind`;
}

/** The notice goes with the first picture that moves, and comes back when none does for a while. */
function showStandstill(isLive: boolean): void {
  const nowMs = performance.now();
  const { currentTime, paused, seeking, ended } = page.video;
  if (isOver && ended) {
    if (page.notice.hidden) offerRecording();
    return;
  }
  if (currentTime !== lastTimeS || paused && lastTimeS > 0 || seeking) {
    if (currentTime !== lastTimeS && lastTimeS >= 0 && player !== null && !seeking) {
      page.notice.hidden = true;
    }
    lastTimeS = currentTime;
    lastPictureMs = nowMs;
  } else if (nowMs - lastPictureMs > PATIENCE_MS && page.notice.hidden) {
    if (isOver) offerRecording();
    else if (isLive) showNotice(STANDSTILL);
  }
}

/** A bundle of their own: to begin with they keep a browser busy for as long as the picture takes. */
function loadControls(): Promise<unknown> {
  return import("media-chrome");
}

function loadControlsAfterPicture(): void {
  const load = () => {
    clearTimeout(late);
    page.video.removeEventListener("playing", load);
    void loadControls();
  };
  const late = setTimeout(load, CONTROLS_PATIENCE_MS);
  page.video.addEventListener("playing", load);
}

function find<E extends HTMLElement>(selector: string, type: new () => E): E {
  const element = document.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${selector}`);
}

page.action.addEventListener("click", () => onAction?.());
page.edge.addEventListener("click", () => player?.holder?.jumpToLive());
page.realTime.addEventListener("click", () => {
  setRealTime(!isRealTime);
  showNotice("Loading …");
  void play(true);
});
// What was rendered is a moment old at most: no need to wait for the API's word.
const rendered = page.badge.dataset["status"];
if (rendered === "CREATED" || rendered === "RUNNING" || rendered === "ENDED") become(rendered);
if (status === "RUNNING") loadControlsAfterPicture();
else void loadControls();
setInterval(show, SHOW_MS);
setTimeout(() => void poll(), status === null ? 0 : POLL_MS);

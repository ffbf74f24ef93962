/**
 * The watch page's island: waits for the broadcast, plays it close to its live edge, and says in
 * words what is going on when there is no picture.
 */
import "media-chrome";
import { createPlayer, type Player } from "./player.ts";
import { fetchVideo, type VideoState } from "./video-state.ts";

const POLL_MS = 2000;
const RETRY_MS = 1500;

const page = {
  root: find("[data-video]", HTMLElement),
  video: find("video", HTMLVideoElement),
  notice: find("[data-notice]", HTMLElement),
  text: find("[data-notice] p", HTMLElement),
  action: find("[data-notice] button", HTMLButtonElement),
  badge: find("[data-badge]", HTMLElement),
  title: find("h1", HTMLElement),
  behind: find("[data-behind]", HTMLElement),
};
const videoUrl = page.root.dataset["video"] ?? "";

let player: Player | null = null;
let status: VideoState["status"] | null = null;
let onAction: (() => void) | null = null;

const BADGES = { CREATED: "not live yet", RUNNING: "LIVE", ENDED: "ended" } as const;

function showNotice(text: string, action: { label: string; run: () => void } | null = null): void {
  page.text.textContent = text;
  page.action.hidden = action === null;
  page.action.textContent = action?.label ?? "";
  onAction = action?.run ?? null;
  page.notice.hidden = false;
}

function play(playbackUrl: string, isLive: boolean): void {
  player?.destroy();
  page.video.addEventListener("playing", () => page.notice.hidden = true, { once: true });
  player = createPlayer(page.video, { url: playbackUrl, isLive }, {
    onBroken: (detail) => {
      showNotice(`The picture was lost (${detail}). Trying again …`);
      setTimeout(() => play(playbackUrl, status === "RUNNING"), RETRY_MS);
    },
    onUnsupported: () => showNotice("This browser cannot play HLS video."),
  });
}

/** Acts on a change of the video's status; a broadcast that ends is played out first. */
function apply(state: VideoState): void {
  page.title.textContent = state.title;
  page.badge.textContent = BADGES[state.status];
  page.badge.dataset["status"] = state.status;
  if (state.status === status) return;
  const before = status;
  status = state.status;
  if (status === "CREATED") {
    showNotice("The broadcast has not begun yet. This page starts by itself when it does.");
  } else if (status === "ENDED" && before === "RUNNING") {
    showNotice("The broadcast has ended.", {
      label: "Watch the recording",
      run: () => play(state.playbackUrl, false),
    });
  } else {
    showNotice("Loading …");
    play(state.playbackUrl, status === "RUNNING");
  }
}

async function poll(): Promise<void> {
  try {
    const state = await fetchVideo(videoUrl);
    if (state === null) showNotice("This video is gone.");
    else apply(state);
  } catch {
    if (player === null) showNotice("The server does not answer. Trying again …");
  }
  if (status !== "ENDED") setTimeout(() => void poll(), POLL_MS);
}

function showLatency(): void {
  const latencyS = status === "RUNNING" ? player?.latencyS() ?? null : null;
  page.behind.textContent = latencyS === null ? "" : `${latencyS.toFixed(1)} s behind`;
}

function find<E extends HTMLElement>(selector: string, type: new () => E): E {
  const element = document.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${selector}`);
}

page.action.addEventListener("click", () => onAction?.());
setInterval(showLatency, 1000);
void poll();

/**
 * The watch page's island: what the page says around its player, and what only the API knows: another
 * title, an end, a recording that was removed.
 */
import { playerWords } from "../words/player/words.ts";
import { createPage } from "./page.ts";
import { fetchVideo, removalWords, type VideoState } from "./video-state.ts";

const POLL_MS = 2000;
/** A recording changes seldom: it may be removed. */
const SELDOM_MS = 10_000;

const words = playerWords(document.documentElement.lang);
const page = createPage(words);
const { player } = page;
const videoUrl = page.root.dataset["video"] ?? "";

let nextPoll: ReturnType<typeof setTimeout> | undefined;

async function poll(): Promise<void> {
  clearTimeout(nextPoll);
  try {
    const state = await fetchVideo(videoUrl);
    if (state === null) player.take(words.states.removed);
    else apply(state);
  } catch {
    // What plays needs no API, and what waits asks the playback server itself.
  }
  clearTimeout(nextPoll);
  const isRecording = player.screen?.plays === "recording";
  nextPoll = setTimeout(() => void poll(), isRecording ? SELDOM_MS : POLL_MS);
}

function apply(state: VideoState): void {
  page.title.textContent = state.title;
  if (state.storyboardUrl !== null) player.setAttribute("storyboard", state.storyboardUrl);
  const removal = removalWords(state, words);
  // The playback server is sooner to know of a start than the API.
  if (removal !== null) player.take(removal);
  else if (state.status !== "CREATED") player.setAttribute("status", state.status);
}

player.addEventListener("screen", () => page.show());
page.badge.addEventListener("click", () => player.goToLive());
page.realTime.addEventListener("click", () => {
  player.setAttribute("latency", player.isRealTime ? "low" : "real-time");
  page.show();
});
document.addEventListener("keydown", (event) => {
  // Who has chosen nothing on this page means the picture.
  if (event.target === document.body && player.press(event)) event.preventDefault();
});
page.show();
nextPoll = setTimeout(() => void poll(), POLL_MS);

/**
 * What the player says, in English. Other languages have the same keys.
 */
export const en = {
  /** Why there is no picture, or none that moves. */
  states: {
    waiting: "The broadcast has not begun yet. This page starts by itself when it does.",
    joining: "Loading …",
    stalled: "The picture has stopped. Waiting for more of it …",
    reconnecting: "Your connection to the server is interrupted. Trying again …",
    encoderGone: "The broadcast has stopped: the broadcaster is away. It goes on by itself " +
      "when they come back.",
    tooSlow: "Your connection is too slow for the smallest picture.",
    slowDevice: "Your device is too slow for the smallest picture.",
    ended: "The broadcast has ended.",
    removed: "This video is gone.",
    failed: "This video cannot be played here.",
    unsupported: "This browser cannot play HLS video.",
  },
  badges: {
    waiting: "not live yet",
    joining: "LIVE",
    live: "LIVE",
    behind: "behind",
    stalled: "no picture",
    reconnecting: "no connection",
    encoderGone: "broadcaster away",
    tooSlow: "slow connection",
    slowDevice: "slow device",
    ended: "ended",
    recording: "recording",
    removed: "removed",
    failed: "cannot play",
  },
  recordingRemoved: "The recording was removed",
  /** Why, after a colon. */
  removals: {
    retention: "it was older than recordings are kept here",
    channel_budget: "its channel needed the room",
    total_budget: "newer ones needed the room",
  },
  /** `{s}`: whole seconds, or with one digit. */
  behind: "{s} s behind",
  backToLive: "Back to live",
  goToLive: "Go to live",
  playRecording: "Watch the recording",
  unmute: "Tap to unmute",
  player: "Video player",
  latency: "Latency",
  lowLatency: "Low",
  realTime: "Real time",
  realTimeLimits: "Less than half a second behind, in one quality, without rewinding",
  quality: "Quality",
  autoQuality: "Auto",
  speed: "Speed",
  settings: "Settings",
  keyboard: "Keys",
  keys: {
    playOrPause: "Play or pause",
    back5: "Back 5 seconds",
    forward5: "Forward 5 seconds",
    back10: "Back 10 seconds",
    forward10: "Forward 10 seconds",
    louder: "Louder",
    quieter: "Quieter",
    mute: "Sound off or on",
    fullscreen: "Full screen",
    pictureInPicture: "Picture in picture",
    captions: "Captions",
    share: "To a tenth of what can be watched",
    toStart: "To the beginning",
    toEnd: "To the end, or to live",
    slower: "Slower",
    faster: "Faster",
    stepBack: "A picture back, while paused",
    stepForward: "A picture forward, while paused",
    help: "These keys",
  },
};

/** One language of the player. */
export type PlayerWords = typeof en;

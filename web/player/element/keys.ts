/**
 * What the keys of a player do. Pure.
 */
export type KeyAction =
  | { readonly kind: "playOrPause" | "mute" | "fullscreen" | "pictureInPicture" | "captions" }
  | { readonly kind: "seekBy"; readonly seconds: number }
  | { readonly kind: "volumeBy"; readonly share: number }
  /** To a share of what can be watched. */
  | { readonly kind: "seekTo"; readonly share: number }
  | { readonly kind: "toStart" | "toEnd" | "slower" | "faster" | "help" }
  /** A picture back or forth, while paused. */
  | { readonly kind: "step"; readonly frames: 1 | -1 };

export type KeyName = keyof typeof KEYS;

/** Keys as `KeyboardEvent.key` has them; in the order in which they are explained. */
export const KEYS = {
  playOrPause: [" ", "k"],
  back5: ["ArrowLeft"],
  forward5: ["ArrowRight"],
  back10: ["j"],
  forward10: ["l"],
  louder: ["ArrowUp"],
  quieter: ["ArrowDown"],
  mute: ["m"],
  fullscreen: ["f"],
  pictureInPicture: ["p"],
  captions: ["c"],
  share: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  toStart: ["Home"],
  toEnd: ["End"],
  slower: ["<"],
  faster: [">"],
  stepBack: [","],
  stepForward: ["."],
  help: ["?"],
} as const;

const ACTIONS: Readonly<Record<Exclude<KeyName, "share">, KeyAction>> = {
  playOrPause: { kind: "playOrPause" },
  back5: { kind: "seekBy", seconds: -5 },
  forward5: { kind: "seekBy", seconds: 5 },
  back10: { kind: "seekBy", seconds: -10 },
  forward10: { kind: "seekBy", seconds: 10 },
  louder: { kind: "volumeBy", share: 0.05 },
  quieter: { kind: "volumeBy", share: -0.05 },
  mute: { kind: "mute" },
  fullscreen: { kind: "fullscreen" },
  pictureInPicture: { kind: "pictureInPicture" },
  captions: { kind: "captions" },
  toStart: { kind: "toStart" },
  toEnd: { kind: "toEnd" },
  slower: { kind: "slower" },
  faster: { kind: "faster" },
  stepBack: { kind: "step", frames: -1 },
  stepForward: { kind: "step", frames: 1 },
  help: { kind: "help" },
};

export type PressedKey = Pick<KeyboardEvent, "key" | "altKey" | "ctrlKey" | "metaKey">;

/** What `pressed` asks for; null: nothing of ours. */
export function keyAction({ key, altKey, ctrlKey, metaKey }: PressedKey): KeyAction | null {
  if (altKey || ctrlKey || metaKey) return null;
  if (/^\d$/.test(key)) return { kind: "seekTo", share: Number(key) / 10 };
  const wanted = key.length === 1 ? key.toLowerCase() : key;
  const [name] =
    Object.entries(KEYS).find(([, keys]) => (keys as readonly string[]).includes(wanted)) ?? [];
  return name === undefined ? null : ACTIONS[name as Exclude<KeyName, "share">];
}

/** How a key is written. */
export function keyLabel(key: string): string {
  const arrows: Readonly<Record<string, string>> = {
    " ": "␣",
    ArrowLeft: "←",
    ArrowRight: "→",
    ArrowUp: "↑",
    ArrowDown: "↓",
  };
  return arrows[key] ?? key;
}

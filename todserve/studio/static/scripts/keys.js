/**
 * Keys: what single keys do in the queue, in one list that the page shows and obeys.
 *
 * A single key may be in the way of a screen reader or of speech; they can be switched off, and
 * the same browser remembers it.
 */
const KEPT = "studio.keys";

export const LABEL_KEYS = [
  { keys: ["r"], does: "right" },
  { keys: ["w"], does: "wrong" },
  { keys: ["n", "ArrowRight"], does: "next" },
  { keys: ["p", "ArrowLeft"], does: "previous" },
  { keys: ["i"], does: "intent" },
  { keys: ["s"], does: "state" },
  { keys: ["a"], does: "acts" },
  { keys: ["t"], does: "reply" },
  { keys: ["u"], does: "undo" },
  { keys: ["?"], does: "help" },
];

export const areKeysOn = () => localStorage.getItem(KEPT) !== "off";

export const switchKeys = (on) => localStorage.setItem(KEPT, on ? "on" : "off");

/** What a key press means in the queue; null where it is meant for a field, or for the browser. */
export function meaningOf(event) {
  const held = event.altKey || event.ctrlKey || event.metaKey || event.isComposing;
  const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
  if (held || typing || !areKeysOn()) return null;
  return LABEL_KEYS.find(({ keys }) => keys.includes(event.key))?.does ?? null;
}

export const shown = (key) => ({ ArrowRight: "→", ArrowLeft: "←" })[key] ?? key;

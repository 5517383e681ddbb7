/**
 * Turn: one turn of the API as it stands, corrections included.
 *
 * A correction never replaces what the model said: the API gives both, and here they are laid
 * over each other. Example: stateOf(turn).restaurant.area -> { value, confidence, corrected }.
 */
import { keyed, own } from "./keyed.js";

/** The model's newest answer of this turn. */
export const answerOf = (turn) => turn.correction?.answer ?? turn.answer;

export function intentOf(turn) {
  const said = answerOf(turn).intent;
  const corrected = turn.correction?.intent;
  if (corrected && corrected !== said?.name) return { name: corrected, corrected: true, said };
  return said && { ...said, corrected: false };
}

export function stateOf(turn) {
  if (!turn) return keyed();
  const said = answerOf(turn).belief_state ?? {};
  const corrected = turn.correction?.belief_state;
  if (!corrected) return said;
  const state = keyed();
  for (const [domain, slots] of Object.entries(corrected)) {
    state[domain] = keyed();
    for (const [slot, value] of Object.entries(slots)) {
      const known = own(own(said, domain), slot);
      const same = known?.value === value;
      state[domain][slot] = same ? known : { value, confidence: null, corrected: true };
    }
  }
  return state;
}

/** Rows of the state after a turn, and what the turn did to each: new, changed, removed, "". */
export function changesOf(turn, before) {
  const [now, then] = [stateOf(turn), stateOf(before)];
  const domains = [...new Set([...Object.keys(then), ...Object.keys(now)])];
  return domains
    .map((domain) => {
      const [slots, past] = [own(now, domain) ?? {}, own(then, domain) ?? {}];
      const names = [...new Set([...Object.keys(past), ...Object.keys(slots)])];
      const rows = names.map((slot) => {
        const [entry, old] = [own(slots, slot), own(past, slot)];
        const change = !entry ? "removed" : !old ? "new" : old.value !== entry.value ? "changed" : "";
        return { slot, entry: entry ?? old, old: old?.value, change };
      });
      return { domain, rows };
    })
    .filter(({ rows }) => rows.length);
}

/** What a value means, for people: "30 GBP". */
export const meaningOf = ({ value, currency }) => [value, currency].filter(Boolean).join(" ");

export const refusedOf = (turn) => answerOf(turn).refused ?? [];

export const actsOf = (turn) => turn.correction?.dialogue_act ?? answerOf(turn).dialogue_act ?? [];

/** The reply with placeholders. */
export const wordingOf = (turn) =>
  turn.correction?.response ?? answerOf(turn).response?.delexicalised ?? "";

/** What the bot says now, one text for each message, and how it came to differ from what it said. */
export function repliesOf(turn) {
  if (turn.correction?.response) return { texts: [turn.correction.response], kind: "corrected" };
  const again = turn.correction?.reply;
  if (again && again !== turn.reply) return { texts: [again], kind: "rerun" };
  return { texts: turn.bot?.messages ?? [turn.reply], kind: "" };
}

const CORRECTED = ["intent", "belief_state", "dialogue_act", "response"];

export const isCorrected = (turn) => CORRECTED.some((key) => turn.correction?.[key] != null);

export const isRerun = (turn) => Boolean(turn.correction?.answer);

export const verdictOf = (turn) => turn.correction?.verdict ?? null;

export const unparsedOf = (turn) =>
  Object.entries(answerOf(turn).unparsed ?? {}).filter(([, pieces]) => pieces.length);

/** How the words were read, or what the names among them were taken for; null where as typed. */
export const readAsOf = (turn) => {
  const read = answerOf(turn).read_as;
  if (!read) return null;
  if (read.text !== turn.user) return read.text;
  return read.changes.map((change) => `${change.typed} → ${change.read}`).join(", ");
};

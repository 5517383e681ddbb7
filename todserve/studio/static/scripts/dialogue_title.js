/**
 * Dialogue title: what a dialogue is about, from the intents and domains of its turns.
 *
 * Example: "find restaurant, book train"; a domain stands before where no intent names it.
 */
import { plain, t } from "./language.js";

const SHOWN = 3;
const OUTSIDE = "out_of_scope";

export function titleOf({ turns, domains, intents }, catalogue) {
  const wanted = intents.map((name) => (name === OUTSIDE ? t("about.outside") : plain(name)));
  const named = wanted.join(" ");
  const about = domains
    .map((name) => catalogue.title(name))
    .filter((title) => title && !named.includes(title));
  const parts = [shortened(about), shortened(wanted)].filter(Boolean);
  return parts.join(" · ") || t(turns ? "about.nothing" : "dialogue.silent");
}

const shortened = (names) =>
  names.length > SHOWN ? `${names.slice(0, SHOWN).join(", ")} …` : names.join(", ");

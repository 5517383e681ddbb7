/** Dialogues: the list of what was said, the newest first, by filter, intent and search. */
import { t } from "./language.js";

export const FILTERS = [
  "all",
  "flagged",
  "low_confidence",
  "refused",
  "outside",
  "disagreement",
  "unparsed",
  "unjudged",
  "corrected",
  "right",
  "wrong",
  "disputed",
];
const PAGE = 30;

export class Dialogues {
  filter = "all";
  intent = "";
  search = "";
  found = [];
  next = null;
  busy = false;
  loaded = false;
  failure = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  /** Load the first page, after a change of `wanted`: filter, intent or search. */
  async load(wanted = {}) {
    this.update({ ...wanted, busy: true, failure: "" });
    await this.page(null);
  }

  more = () => this.page(this.next);

  async page(before) {
    const { filter, intent } = this;
    const search = this.search.trim();
    const query = new URLSearchParams({ limit: PAGE, filter });
    if (intent) query.set("intent", intent);
    if (search) query.set("search", search);
    if (before) query.set("before", before);
    // Somebody may have chosen something else while this one was being answered.
    const asked = (this.asked = String(query));
    try {
      const { dialogues, next } = await this.gateway.get(`/dialogues?${query}`);
      if (asked !== this.asked) return;
      const found = before ? [...this.found, ...dialogues] : dialogues;
      this.update({ found, next, busy: false, loaded: true });
    } catch (refusal) {
      if (asked !== this.asked) return;
      this.update({ found: [], next: null, busy: false, loaded: true, failure: refusal.message });
    }
  }

  async remove(id) {
    try {
      await this.gateway.delete(`/dialogues/${id}`);
      this.update({ found: this.found.filter((one) => one.dialogue_id !== id) });
      return true;
    } catch (refusal) {
      this.update({ failure: refusal.message });
      return false;
    }
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

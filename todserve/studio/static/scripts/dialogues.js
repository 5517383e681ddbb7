/** Dialogues: the list of what was said, the newest first, by filter. */
import { t } from "./language.js";

export const FILTERS = [
  "all",
  "low_confidence",
  "unparsed",
  "disagreement",
  "corrected",
  "right",
  "wrong",
];
const PAGE = 30;

export class Dialogues {
  filter = "all";
  found = [];
  next = null;
  busy = false;
  loaded = false;
  failure = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  async load(filter = this.filter) {
    this.update({ filter, busy: true, failure: "" });
    await this.page(null);
  }

  more = () => this.page(this.next);

  async page(before) {
    const filter = this.filter;
    const query = new URLSearchParams({ limit: PAGE, filter });
    if (before) query.set("before", before);
    try {
      const { dialogues, next } = await this.gateway.get(`/dialogues?${query}`);
      // Somebody may have chosen another filter while this one was being answered.
      if (filter !== this.filter) return;
      const found = before ? [...this.found, ...dialogues] : dialogues;
      this.update({ found, next, busy: false, loaded: true });
    } catch (refusal) {
      if (filter !== this.filter) return;
      const failure = refusal.status === 422 ? t("filter.unknown") : refusal.message;
      this.update({ found: [], next: null, busy: false, loaded: true, failure });
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

/**
 * Label queue: the turns most worth a look, one after another.
 *
 * The one that is looked at is a turn of a conversation of its own: what is judged or corrected
 * there goes the same way as in the chat.
 */
import { Conversation } from "./conversation.js";

const PAGE = 20;

export class LabelQueue {
  turns = [];
  place = 0;
  waiting = 0;
  next = null;
  second = false;
  loaded = false;
  busy = false;
  failure = "";
  people = null;
  /** Places of the turns that were labelled here, the newest last. */
  labelled = [];

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
    this.conversation = new Conversation(gateway, changed);
  }

  /** The entry of the queue that is looked at. */
  get current() {
    return this.turns[this.place] ?? null;
  }

  /** Begin again at the top; `second`: with what other people have judged. */
  async load({ second = this.second } = {}) {
    this.update({ second, labelled: [], busy: true, failure: "" });
    // Whatever was shown may have been judged elsewhere since.
    this.conversation.reset();
    await this.attempt(async () => {
      const found = await this.page(null);
      this.people = await this.gateway.get("/agreement");
      this.update({ turns: found.turns, place: 0, ...counted(found), loaded: true });
      await this.show();
    });
  }

  /** Go on by one, or back by one; returns whether there is a turn. */
  async step(by) {
    if (this.busy) return false;
    const target = this.place + by;
    if (target < 0) return false;
    this.update({ busy: true, failure: "" });
    return this.attempt(async () => {
      if (target >= this.turns.length && this.next) {
        const found = await this.page(this.next);
        this.update({ turns: [...this.turns, ...found.turns], ...counted(found) });
      }
      if (target > this.turns.length) return false;
      this.update({ place: target });
      await this.show();
      return this.current !== null;
    });
  }

  /** Note that the turn that is looked at was judged or corrected; it waits no more. */
  settle() {
    const again = this.labelled.includes(this.place);
    const waiting = Math.max(0, this.waiting - (again ? 0 : 1));
    this.update({ labelled: [...this.labelled, this.place], waiting });
  }

  /** Go back to the turn that was labelled last, and take that back; returns whether there was one. */
  async undo() {
    const place = this.labelled.at(-1);
    if (place === undefined || this.busy) return false;
    if (!(await this.step(place - this.place)) || !(await this.conversation.undo())) return false;
    const labelled = this.labelled.slice(0, -1);
    this.update({ labelled, waiting: this.waiting + (labelled.includes(place) ? 0 : 1) });
    return true;
  }

  async show() {
    if (!this.current) {
      this.conversation.reset();
      return;
    }
    const { dialogue_id: id, index } = this.current;
    await this.conversation.open(id, index);
  }

  page(before) {
    const query = new URLSearchParams({ limit: PAGE });
    if (this.second) query.set("second", "true");
    if (before) query.set("before", before);
    return this.gateway.get(`/queue?${query}`);
  }

  async attempt(step) {
    try {
      return await step();
    } catch (refusal) {
      this.update({ failure: refusal.message, loaded: true });
      return false;
    } finally {
      this.update({ busy: false });
    }
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

const counted = ({ waiting, next }) => ({ waiting, next });

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
    this.update({ second, busy: true, failure: "" });
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

  /** Count what is done with. */
  settle() {
    this.update({ waiting: Math.max(0, this.waiting - 1) });
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

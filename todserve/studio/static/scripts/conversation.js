/**
 * Conversation: the dialogue on the page. Example: await conversation.say("a train to ely").
 *
 * A message gets its id here, once. Until the gateway acknowledges it, the same text goes out
 * under the same id, so that sending again never says it twice.
 */
import { t } from "./language.js";

export class Conversation {
  id = null;
  model = "";
  turns = [];
  chosen = null;
  pending = null;
  heard = null;
  opening = null;
  busy = false;
  failure = "";
  failed = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  /** The turn that is looked at: the newest unless somebody chose another. */
  get selected() {
    return this.turns[this.chosen ?? this.turns.length - 1] ?? null;
  }

  get correctedAnywhere() {
    return this.turns.some((turn) => turn.correction);
  }

  before(turn) {
    return this.turns[turn.index - 1] ?? null;
  }

  select(index) {
    this.update({ chosen: placed(index, this.turns) });
  }

  /** Leave the dialogue; the next message begins another. */
  reset() {
    this.opening = null;
    this.update({ id: null, turns: [], chosen: null, pending: null, failure: "" });
  }

  /** Open a dialogue, at one of its turns if one is given. */
  async open(id, turn = null) {
    if (id === this.id) {
      if (turn !== null) this.select(turn);
      return this.refresh();
    }
    this.reset();
    this.opening = id;
    await this.attempt("say", async () => {
      const { turns } = await this.gateway.get(`/dialogues/${encodeURIComponent(id)}`);
      if (this.opening === id) this.update({ id, turns, chosen: turn === null ? null : placed(turn, turns) });
    });
  }

  /** Read the dialogue anew: somebody may have corrected it in another view. */
  async refresh() {
    const { id } = this;
    if (this.busy) return;
    try {
      const { turns } = await this.gateway.get(`/dialogues/${encodeURIComponent(id)}`);
      // Nothing that was said meanwhile may be lost for it.
      const current = id === this.id && !this.busy && turns.length >= this.turns.length;
      if (current) this.update({ turns });
    } catch {
      // What is shown stays; the next message or correction says what is wrong.
    }
  }

  /** Returns the new turn, or null where nothing was acknowledged; `told` goes with the message. */
  async say(user, told = {}) {
    if (this.pending?.user !== user) this.pending = { user, message_id: newId(), ...told };
    const message = this.pending;
    return this.alone("say", async () => {
      if (this.id === null) {
        const body = this.model ? { model: this.model } : {};
        this.id = (await this.gateway.post("/dialogues", body)).dialogue_id;
      }
      const id = this.id;
      const turn = await this.gateway.stream(`/dialogues/${id}/turns`, message, (name, content) =>
        this.hear(message, name, content),
      );
      // Somebody may have opened another dialogue while this one was being answered.
      if (id !== this.id) return null;
      this.update({ turns: [...this.turns, turn], chosen: null, pending: null });
      return turn;
    });
  }

  /** Take in a part of the answer to a message: what was understood of it, then its reply. */
  hear(message, name, { answer, text }) {
    if (message !== this.pending) return;
    if (name === "understood") this.update({ heard: { answer, text: "" } });
    if (name === "piece") this.update({ heard: { ...this.heard, text: this.heard.text + text } });
  }

  async correct(index, content, { rerun = false } = {}) {
    return this.alone("correct", async () => {
      const id = this.id;
      const path = `/dialogues/${id}/turns/${index}/correction`;
      const { turns } = await this.gateway.post(path, { ...content, rerun });
      if (id !== this.id) return null;
      this.update({ turns });
      return turns[index];
    });
  }

  async undo() {
    return this.alone("say", async () => {
      const id = this.id;
      await this.gateway.delete(`/dialogues/${id}/turns/last/correction`);
      const { turns } = await this.gateway.get(`/dialogues/${id}`);
      if (id !== this.id) return null;
      this.update({ turns });
      return turns;
    });
  }

  /** One step at a time; buttons stay enabled meanwhile, so that none loses the focus. */
  async alone(what, step) {
    return this.busy ? null : this.attempt(what, step);
  }

  /** Take a step; where it fails, `failed` says at what, and `failure` why. */
  async attempt(what, step) {
    this.update({ busy: true, heard: null, failure: "", failed: "" });
    try {
      return await step();
    } catch (refusal) {
      this.update({ failure: refusal.message || t("failed.unknown"), failed: what });
      return null;
    } finally {
      this.update({ busy: false });
    }
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

const placed = (index, turns) => Math.max(0, Math.min(index, turns.length - 1));

/** 128 random bits; crypto.randomUUID is missing where a page is not served over HTTPS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Comparison: the user's turns of a dialogue, answered by another model too. Nothing is stored. */
import { t } from "./language.js";

export class Comparison {
  model = "";
  of = null;
  turns = null;
  reviewed = null;
  versions = [];
  busy = false;
  failure = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  /** Learn which models there are to compare with. */
  async load() {
    try {
      this.update({ versions: (await this.gateway.get("/versions")).versions });
    } catch (refusal) {
      this.update({ failure: refusal.message });
    }
  }

  /** Answer the open dialogue again. */
  async run(dialogueId) {
    const turns = await this.ask(`/dialogues/${dialogueId}/compare`, dialogueId);
    if (turns) this.update({ turns, of: dialogueId });
    return turns;
  }

  /** Answer again what people corrected or judged right, in whatever dialogue. */
  async review() {
    const reviewed = await this.ask("/review");
    if (reviewed) this.update({ reviewed });
    return reviewed;
  }

  async ask(path, dialogueId) {
    this.update({ busy: true, failure: "", turns: null, reviewed: null });
    try {
      const { turns } = await this.gateway.post(path, { model: this.model });
      this.update({ busy: false });
      return turns;
    } catch (refusal) {
      const unknown = refusal.status === 404 && !refusal.message.includes(dialogueId);
      const failure = unknown ? t("compare.unknown", { model: this.model }) : refusal.message;
      this.update({ busy: false, failure });
      return null;
    }
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

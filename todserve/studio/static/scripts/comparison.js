/** Comparison: the user's turns of a dialogue, answered by another model too. Nothing is stored. */
import { t } from "./language.js";

export class Comparison {
  model = "";
  of = null;
  turns = null;
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

  async run(dialogueId) {
    this.update({ busy: true, failure: "", turns: null });
    try {
      const body = { model: this.model };
      const { turns } = await this.gateway.post(`/dialogues/${dialogueId}/compare`, body);
      this.update({ turns, of: dialogueId, busy: false });
    } catch (refusal) {
      const unknown = refusal.status === 404 && !refusal.message.includes(dialogueId);
      const failure = unknown ? t("compare.unknown", { model: this.model }) : refusal.message;
      this.update({ busy: false, failure });
    }
    return this.turns;
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

/** Comparison: the user's turns of a dialogue, answered by another model too. Nothing is stored. */
import { t } from "./language.js";

export class Comparison {
  model = "";
  of = null;
  turns = null;
  busy = false;
  failure = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  async run(dialogueId) {
    this.update({ busy: true, failure: "", turns: null });
    try {
      const body = { model: this.model };
      const { turns } = await this.gateway.post(`/dialogues/${dialogueId}/compare`, body);
      this.update({ turns, of: dialogueId, busy: false });
    } catch (refusal) {
      const away = refusal.status === 405 || (refusal.status === 404 && refusal.kind === "not_found");
      this.update({ busy: false, failure: away ? t("compare.unknown") : refusal.message });
    }
    return this.turns;
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

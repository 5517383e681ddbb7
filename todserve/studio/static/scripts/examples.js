/**
 * Examples: fresh utterances, as the model proposes to read them and as a person corrects it.
 *
 * The model is asked outside of any dialogue: a proposal is nothing anybody said, and the bot's
 * actions must not take it for that.
 */
import { newId } from "./conversation.js";
import { t } from "./language.js";
import { rowsOf } from "./slot_rows.js";

export class Examples {
  proposals = [];
  saved = [];
  able = true;
  busy = false;
  failure = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  async load() {
    try {
      const { examples } = await this.gateway.get("/examples?limit=50");
      this.update({ saved: examples, able: true });
    } catch (refusal) {
      if (refusal.unknown) this.update({ able: false });
      else this.update({ failure: refusal.message });
    }
  }

  /** Ask the model about each text, in order; what it refuses comes back to be tried again. */
  async propose(texts, model) {
    this.update({ busy: true, failure: "" });
    const left = [...texts];
    try {
      while (left.length) {
        const answer = await this.ask(left[0], model);
        const proposal = {
          key: newId(),
          text: left.shift(),
          intent: answer.intent?.name ?? "",
          confidence: answer.intent?.confidence ?? null,
          rows: rowsOf(answer.belief_state ?? {}),
        };
        this.update({ proposals: [...this.proposals, proposal] });
      }
    } catch (refusal) {
      this.update({ failure: refusal.message });
    }
    this.update({ busy: false });
    return left;
  }

  async ask(text, model) {
    const body = model ? { text, model } : { text };
    return (await this.gateway.post("/proposals", body)).answer;
  }

  change(key, part) {
    const proposals = this.proposals.map((one) => (one.key === key ? { ...one, ...part } : one));
    this.update({ proposals });
  }

  discard(key) {
    this.update({ proposals: this.proposals.filter((one) => one.key !== key) });
  }

  async save(proposal, state) {
    const body = { text: proposal.text, belief_state: state };
    if (proposal.intent) body.intent = proposal.intent;
    try {
      await this.gateway.post("/examples", body);
    } catch (refusal) {
      this.change(proposal.key, { failure: refusal.unknown ? t("examples.unable") : refusal.message });
      return false;
    }
    this.discard(proposal.key);
    await this.load();
    return true;
  }

  async remove(id) {
    try {
      await this.gateway.delete(`/examples/${encodeURIComponent(id)}`);
      this.update({ failure: "" });
    } catch (refusal) {
      this.update({ failure: refusal.message });
    }
    await this.load();
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

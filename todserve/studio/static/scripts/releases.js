/** Releases: the versions of the model, what is tried of them, and what was done. */
const SHOWN = 20;

export class Releases {
  found = null;
  differences = [];
  /** The turns that spoke against the last promotion. */
  against = [];
  able = true;
  busy = false;
  failure = "";

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  /** The versions and whatever else answered turns, each with its figures. */
  get rows() {
    const { model, versions, figures, canary, shadow } = this.found;
    const named = versions.map((one) => ({ ...one, name: `${model}/${one.version}` }));
    const others = figures
      .filter((one) => !named.some(({ name }) => name === one.model))
      .map((one) => ({ name: one.model, version: null, answers: false }));
    return [...named, ...others].map((one) => ({
      ...one,
      figures: figures.find(({ model: name }) => name === one.name) ?? null,
      canary: one.version && canary?.version === one.version ? canary.share : null,
      shadow: one.version && shadow?.version === one.version ? shadow.share : null,
    }));
  }

  /** Versions that could answer in the place of the one that does. */
  get others() {
    return this.found.versions.filter(({ answers }) => !answers).map(({ version }) => version);
  }

  async load() {
    try {
      await this.look();
    } catch (refusal) {
      this.update(refusal.unknown ? { able: false } : { failure: refusal.message });
    }
  }

  /** Try, promote or go back; returns what the log says of it, null where it was refused. */
  async act(method, path, body) {
    this.update({ busy: true, failure: "", against: [] });
    try {
      const { release, differing } = await this.gateway.call(method, `/releases/${path}`, body);
      await this.look();
      this.update({ against: differing });
      return release;
    } catch (refusal) {
      this.update({ failure: refusal.message });
      return null;
    } finally {
      this.update({ busy: false });
    }
  }

  async look() {
    const found = await this.gateway.get("/releases");
    const { turns } = await this.gateway.get(`/releases/differences?limit=${SHOWN}`);
    this.update({ found, differences: turns, able: true, failure: "" });
  }

  update(values) {
    Object.assign(this, values);
    this.changed();
  }
}

/**
 * Catalogue: what names the model knows, for the fields of a correction.
 *
 * Where the gateway cannot tell, the names seen in the dialogue so far are offered instead.
 */
import { own } from "./keyed.js";
import { plain } from "./language.js";
import { actsOf, intentOf, stateOf } from "./turn.js";

export class Catalogue {
  told = null;
  asked = null;

  constructor(gateway, changed) {
    this.gateway = gateway;
    this.changed = changed;
  }

  async load(name) {
    if (this.asked === name) return;
    this.asked = name;
    try {
      this.told = await this.gateway.get(`/model${name ? `?name=${encodeURIComponent(name)}` : ""}`);
    } catch (refusal) {
      this.told = null;
      if (!refusal.unknown) this.asked = null;
    }
    this.changed();
  }

  /** What people call a domain, as the model tells; "" for one that nobody speaks of. */
  title(domain) {
    return own(this.told?.titles, domain) ?? plain(domain);
  }

  /** What the model can talk about. */
  get subjects() {
    return Object.keys(this.told?.domains ?? {})
      .map((domain) => this.title(domain))
      .filter(Boolean);
  }

  /** Whether its values mean days and times, so that it must know what time it is here. */
  get typed() {
    return Object.keys(this.told?.types ?? {}).length > 0;
  }

  /** What a user might say to it. */
  get prompts() {
    return this.told?.prompts ?? [];
  }

  intents(turns) {
    const seen = turns.map((turn) => intentOf(turn)?.name).filter(Boolean);
    return sorted([...(this.told?.intents ?? []), ...seen]);
  }

  domains(turns) {
    const seen = turns.flatMap((turn) => Object.keys(stateOf(turn)));
    return sorted([...Object.keys(this.told?.domains ?? {}), ...seen]);
  }

  slots(domain, turns) {
    const seen = turns.flatMap((turn) => Object.keys(own(stateOf(turn), domain) ?? {}));
    return sorted([...Object.keys(own(this.told?.domains, domain) ?? {}), ...seen]);
  }

  /** What an act may name: other slots than a state may have. */
  actSlots(domain, turns) {
    const seen = turns.flatMap((turn) => actsOf(turn).filter((act) => act.domain === domain));
    const told = own(this.told?.act_slots, domain) ?? [];
    return sorted([...told, ...seen.map((act) => act.slot).filter(Boolean)]);
  }

  actDomains(turns) {
    const seen = turns.flatMap((turn) => actsOf(turn).map((act) => act.domain));
    return sorted([...Object.keys(this.told?.act_slots ?? {}), ...seen]);
  }

  values(domain, slot) {
    return own(own(this.told?.domains, domain), slot) ?? [];
  }

  acts(turns) {
    const seen = turns.flatMap((turn) => actsOf(turn).map((act) => act.act));
    return sorted([...(this.told?.acts ?? []), ...seen]);
  }
}

const sorted = (names) => [...new Set(names)].sort();

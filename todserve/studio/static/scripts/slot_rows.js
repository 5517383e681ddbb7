/**
 * Slot rows: a belief state as fields. Example: rowsOf({ train: { day: { value: "friday" } } }) is
 * [{ domain: "train", slot: "day", value: "friday" }], and stateFrom(rows) leads back.
 */
import { html } from "./html.js";
import { icon } from "./icons.js";
import { keyed } from "./keyed.js";
import { t } from "./language.js";
import { Choice } from "./section.js";

export const rowsOf = (state) =>
  Object.entries(state).flatMap(([domain, slots]) =>
    Object.entries(slots).map(([slot, entry]) => ({ domain, slot, value: entry.value })),
  );

export function stateFrom(rows) {
  const state = keyed();
  for (const row of rows) {
    const [domain, slot, value] = [row.domain, row.slot, row.value].map((text) => text.trim());
    if (domain && slot && value) (state[domain] ??= keyed())[slot] = value;
  }
  return state;
}

export function SlotRows({ name, rows, change, catalogue, turns, domain = "", focus = 0, value }) {
  const set = (index, part) =>
    change(rows.map((row, place) => (place === index ? { ...row, ...part } : row)));
  const remove = (index) => change(rows.filter((_, place) => place !== index));
  const add = () => change([...rows, { domain, slot: "", value: value?.() ?? "", fresh: true }]);
  return html`
    <ul class="slot-rows">
      ${rows.map(
        (row, index) => html`
          <li key=${index}>
            <${Choice}
              id=${`${name}-${index}-domain`}
              label=${t("domain.one")}
              value=${row.domain}
              names=${catalogue.domains(turns)}
              change=${(text) => set(index, { domain: text })}
              focus=${row.fresh && !row.domain}
            />
            <${Choice}
              id=${`${name}-${index}-slot`}
              label=${t("slot")}
              value=${row.slot}
              names=${catalogue.slots(row.domain, turns)}
              change=${(text) => set(index, { slot: text })}
              focus=${row.fresh && Boolean(row.domain)}
            />
            <${Choice}
              id=${`${name}-${index}-value`}
              label=${t("value")}
              value=${row.value}
              names=${catalogue.values(row.domain, row.slot)}
              change=${(text) => set(index, { value: text })}
              focus=${!row.fresh && index === focus}
            />
            <button
              type="button"
              class="quiet square"
              aria-label=${t("slot.remove", { slot: row.slot })}
              onClick=${() => remove(index)}
            >
              ${icon("remove")}
            </button>
          </li>
        `,
      )}
    </ul>
    <button type="button" class="quiet add" onClick=${add}>${icon("plus")} ${t("slot.add")}</button>
  `;
}

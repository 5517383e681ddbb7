/** Releases view: which version answers whom, how each does, and another one in its place. */
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { plain, t, when } from "./language.js";
import { address } from "./route.js";

const SHARES = [1, 5, 10, 25, 50, 100];
const FIGURES = ["turns", "refused", "outside", "low_confidence", "corrected", "right", "wrong"];

export class ReleasesView extends Component {
  state = { news: "", version: "", share: 10, reason: "", untried: false };

  look = async () => {
    const { releases } = this.props.app;
    await releases.load();
    if (!releases.failure) this.setState({ news: t("releases.looked") });
  };

  /** Do something, and tell what came of it. */
  act = async (method, path, body) => {
    const done = await this.props.app.releases.act(method, path, body);
    if (!done) return;
    this.setState({ news: told(done), reason: "" });
  };

  attempt = (path) => {
    const { share, reason } = this.state;
    this.act("PUT", path, { version: this.chosen, share: share / 100, reason });
  };

  promote = () => {
    const { untried, reason } = this.state;
    this.act("POST", "promotion", { version: this.chosen, untried, reason });
  };

  /** The version that is chosen, the first that could answer unless somebody chose. */
  get chosen() {
    const { others } = this.props.app.releases;
    return others.includes(this.state.version) ? this.state.version : others[0];
  }

  render({ app }, { news, share, reason, untried }) {
    const { releases } = app;
    const { found, failure, busy, able } = releases;
    return html`
      <div class="view-head">
        <h1 tabindex="-1">${t("releases.title")}</h1>
        <button type="button" class="plain" onClick=${this.look}>${icon("again")}${t("releases.look")}</button>
      </div>
      ${!able && html`<p class="card nothing muted">${t("releases.unable")}</p>`}
      ${failure && html`<p class="failure" role="alert">${failure}</p>`}
      ${found &&
      html`
        <section class="card release-part" aria-labelledby="versions-title">
          <h2 id="versions-title">${t("releases.versions")}</h2>
          <${Versions} releases=${releases} />
          <p class="muted small">
            ${found.since ? t("releases.since", { when: when(found.since) }) : t("releases.ever")}
          </p>
        </section>
        ${found.unmanaged
          ? html`<p class="card nothing muted">${found.unmanaged}</p>`
          : !found.may_change
            ? html`<p class="card nothing muted">${t("releases.may_not")}</p>`
            : html`
                <form
                  class="card release-part"
                  aria-labelledby="change-title"
                  onSubmit=${(event) => event.preventDefault()}
                >
                  <h2 id="change-title">${t("releases.change")}</h2>
                  ${releases.others.length === 0
                    ? html`<p class="muted">${t("releases.alone")}</p>`
                    : html`
                        <div class="release-fields">
                          <label class="field">
                            <span>${t("releases.version")}</span>
                            <select onChange=${(event) => this.setState({ version: event.target.value })}>
                              ${releases.others.map(
                                (one) => html`
                                  <option key=${one} value=${one} selected=${one === this.chosen}>${one}</option>
                                `,
                              )}
                            </select>
                          </label>
                          <label class="field">
                            <span>${t("releases.share")}</span>
                            <select onChange=${(event) => this.setState({ share: Number(event.target.value) })}>
                              ${SHARES.map(
                                (one) => html`
                                  <option key=${one} value=${one} selected=${one === share}>${one}%</option>
                                `,
                              )}
                            </select>
                          </label>
                          <${Reason} reason=${reason} given=${(text) => this.setState({ reason: text })} />
                        </div>
                        <div class="release-acts">
                          <button type="button" class="plain" disabled=${busy} onClick=${() => this.attempt("shadow")}>
                            ${t("releases.shadow")}
                          </button>
                          <button type="button" class="plain" disabled=${busy} onClick=${() => this.attempt("canary")}>
                            ${t("releases.canary")}
                          </button>
                          <button type="button" class="primary" disabled=${busy} onClick=${this.promote}>
                            ${t("releases.promote")}
                          </button>
                          <label class="tick">
                            <input
                              type="checkbox"
                              checked=${untried}
                              onChange=${(event) => this.setState({ untried: event.target.checked })}
                            />
                            ${t("releases.untried")}
                          </label>
                        </div>
                      `}
                  <div class="release-acts">
                    <button
                      type="button"
                      class="danger"
                      disabled=${busy}
                      onClick=${() => this.act("POST", "rollback", { reason })}
                    >
                      ${t(found.canary ? "releases.withdraw" : "releases.rollback")}
                    </button>
                    ${found.shadow &&
                    html`
                      <button
                        type="button"
                        class="plain"
                        disabled=${busy}
                        onClick=${() => this.act("DELETE", "shadow")}
                      >
                        ${t("releases.unshadow")}
                      </button>
                    `}
                  </div>
                  <${Against} turns=${releases.against} />
                </form>
              `}
        ${found.shadow && html`<${Shadow} releases=${releases} />`}
        <section class="card release-part" aria-labelledby="log-title">
          <h2 id="log-title">${t("releases.log")}</h2>
          ${found.log.length === 0 && html`<p class="muted">${t("releases.log.none")}</p>`}
          <ul>
            ${found.log.map(
              (one) => html`
                <li key=${`${one.time} ${one.action} ${one.to}`}>
                  <b>${told(one)}</b>${" "}
                  <span class="muted small">
                    ${[when(one.time), one.user, one.reason].filter(Boolean).join(" · ")}
                  </span>
                </li>
              `,
            )}
          </ul>
        </section>
      `}
      <p class="hidden" role="status">${news}</p>
    `;
  }
}

const Reason = ({ reason, given }) => html`
  <label class="field release-reason">
    <span>${t("releases.reason")}</span>
    <input
      value=${reason}
      maxlength="500"
      autocomplete="off"
      onInput=${(event) => given(event.target.value)}
    />
  </label>
`;

function Versions({ releases }) {
  return html`
    <div class="scroll" role="group" tabindex="0" aria-labelledby="versions-title">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">${t("releases.version")}</th>
            ${FIGURES.map((name) => html`<th key=${name} scope="col">${t(`releases.${name}`)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${releases.rows.map(
            ({ name, answers, canary, shadow, ready, place, figures }) => html`
              <tr key=${name}>
                <th scope="row">
                  ${name}
                  ${answers && html`<span class="badge new">${t("releases.answers")}</span>`}
                  ${canary &&
                  html`<span class="badge changed">${t("releases.badge.canary", { share: percentage(canary) })}</span>`}
                  ${shadow &&
                  html`<span class="badge">${t("releases.badge.shadow", { share: percentage(shadow) })}</span>`}
                  ${place && html`<span class="badge">${place}</span>`}
                  ${ready === 0 && html`<span class="badge removed">${t("releases.away")}</span>`}
                </th>
                ${FIGURES.map((part) => html`<td key=${part}>${shown(figures, part)}</td>`)}
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** The turns that are not answered as people said. */
function Against({ turns }) {
  if (!turns.length) return null;
  return html`
    <div>
      <p class="failure">${t("releases.against", { count: turns.length })}</p>
      <ul class="release-turns">
        ${turns.map(
          ({ dialogue_id: id, index }) => html`
            <li key=${`${id} ${index}`}>
              <a href=${address("chat", id, index)}>
                ${t("releases.turn", { dialogue: id.slice(0, 8), number: index + 1 })}
              </a>
            </li>
          `,
        )}
      </ul>
    </div>
  `;
}

function Shadow({ releases }) {
  const { found, differences } = releases;
  const { turns, different, aspects } = found.shadowed;
  return html`
    <section class="card release-part" aria-labelledby="shadow-title">
      <h2 id="shadow-title">${t("releases.shadowed", { version: found.shadow.version })}</h2>
      <p>
        ${t("releases.different", { different, turns })}${" "}
        <span class="muted">
          ${Object.entries(aspects)
            .map(([name, count]) => `${t(`releases.aspect.${name}`)} ${count}`)
            .join(", ")}
        </span>
      </p>
      <ul class="release-turns">
        ${differences.map(
          (one) => html`
            <li key=${`${one.dialogue_id} ${one.index}`}>
              <details>
                <summary>${one.user}</summary>
                <dl>
                  ${one.differences.map(
                    ({ aspect, a, b }) => html`
                      <div key=${aspect}>
                        <dt>${t(`releases.aspect.${aspect}`)}</dt>
                        <dd><span class="muted small">${one.model}</span> ${said(a)}</dd>
                        <dd>
                          <span class="muted small">${found.model}/${found.shadow.version}</span> ${said(b)}
                        </dd>
                      </div>
                    `,
                  )}
                </dl>
                <a class="small" href=${address("chat", one.dialogue_id, one.index)}>${t("queue.open")}</a>
              </details>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

/** What a line of the log says. */
const told = ({ action, before, to, share }) =>
  t(`releases.did.${action}`, { before, to, share: percentage(share) });

const said = (lines) => (lines.length ? lines.map(plain).join(", ") : t("none"));

const percentage = (share) => `${Number((100 * share).toFixed(2))}%`;

/** A figure, and what part of the turns it is. */
function shown(figures, part) {
  if (!figures) return "0";
  const count = figures[part];
  if (part === "turns" || !count) return String(count);
  return `${count} (${percentage(count / figures.turns)})`;
}

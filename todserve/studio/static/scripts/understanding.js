/** Understanding: beside the chat, everything the model made of one turn, and where to correct it. */
import { ActsSection } from "./acts_section.js";
import { BotSection } from "./bot_section.js";
import { DatabaseSection } from "./database_section.js";
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { IntentSection } from "./intent_section.js";
import { t } from "./language.js";
import { ReplySection } from "./reply_section.js";
import { StateSection } from "./state_section.js";
import { TimingSection } from "./timing_section.js";
import { verdictOf } from "./turn.js";

export class Understanding extends Component {
  state = { editing: null };

  componentDidUpdate(before) {
    const turn = this.props.conversation.selected;
    if (this.state.editing && this.turn !== turn?.message_id) this.setState({ editing: null });
    this.turn = turn?.message_id;
  }

  edit = (name) => this.setState({ editing: name });

  close = () => {
    const name = this.state.editing;
    // Where somebody began to edit, they go on from.
    this.setState({ editing: null }, () => document.getElementById(`edit-${name}`)?.focus());
  };

  save = async (content, rerun) => {
    const { conversation, announce } = this.props;
    const done = await conversation.correct(conversation.selected.index, content, { rerun });
    if (!done) return;
    announce(t(rerun ? "corrected.rerun" : "corrected.saved"));
    this.props.saved?.();
    this.close();
  };

  judge = async (verdict) => {
    const { conversation, announce } = this.props;
    const turn = await conversation.correct(conversation.selected.index, { verdict });
    if (!turn) return;
    announce(t(`verdict.${verdict}`));
    this.props.judged?.();
  };

  /**
   * In the queue one turn is looked at: `judged` and `saved` are called once that is done, and
   * `blind` leaves out what others say of it.
   */
  render({ conversation, catalogue, judged, blind = false }, { editing }) {
    const turn = conversation.selected;
    const last = conversation.turns.length - 1;
    const section = {
      turn,
      before: conversation.before(turn),
      catalogue,
      turns: conversation.turns,
      later: last - turn.index,
      failure: conversation.failed === "correct" ? conversation.failure : "",
      editing,
      edit: this.edit,
      close: this.close,
      save: this.save,
    };
    return html`
      <section class="understanding" aria-labelledby="turn-title">
        <div class="turn-head">
          <h2 id="turn-title">
            ${t("turn.of", { number: turn.index + 1, count: last + 1 })}
          </h2>
          ${!judged &&
          html`
            <div class="pager">
              <${Step} conversation=${conversation} by=${-1} name="previous" />
              <${Step} conversation=${conversation} by=${1} name="next" />
            </div>
          `}
          <div class="verdicts" role="group" aria-label=${t("verdict")}>
            ${["right", "wrong"].map(
              (verdict) => html`
                <button
                  key=${verdict}
                  type="button"
                  class=${verdict}
                  aria-pressed=${String(!blind && verdictOf(turn) === verdict)}
                  onClick=${() => this.judge(verdict)}
                >
                  ${icon(verdict)}${t(`verdict.${verdict}`)}
                </button>
              `,
            )}
          </div>
          <p class="quote muted">${turn.user}</p>
        </div>
        ${section.failure &&
        !editing &&
        html`<p class="failure" role="alert">${t("failed")} ${section.failure}</p>`}
        <div class="sections" key=${turn.message_id}>
          <${IntentSection} ...${section} />
          <${StateSection} ...${section} />
          <div class="pile">
            <${ActsSection} ...${section} />
            <${ReplySection} ...${section} />
            ${turn.bot && html`<${BotSection} bot=${turn.bot} />`}
          </div>
          <div class="pile">
            <${DatabaseSection} turn=${turn} />
            <${TimingSection} turn=${turn} />
          </div>
        </div>
      </section>
    `;
  }
}

function Step({ conversation, by, name }) {
  const target = conversation.selected.index + by;
  const possible = target >= 0 && target < conversation.turns.length;
  return html`
    <button
      type="button"
      class="quiet square"
      aria-label=${t(`turn.${name}`)}
      aria-disabled=${String(!possible)}
      onClick=${() => possible && conversation.select(target)}
    >
      ${icon(name)}
    </button>
  `;
}

"""Forms and actions of a Rasa project as the keys ``forms`` and ``actions`` of bot.yml.

On the way of a conversion, after the flows. Example: ``book_form`` that ``book`` begins, which
requires ``day`` and is ended by ``action_book``, is
``forms: {book: {domain: rasa, required: {day: utter_ask_day}, action: action_book}}``.

A bot does one thing at the end of a form and after an intent. Several responses are joined into
one; beside a custom action they are left out and counted, since the action can say them.
"""

from typing import Any

from todserve.bot.bot_phrases import Language
from todserve.bot.conversion.converted_responses import Wording, question
from todserve.bot.conversion.intent_flows import Flows, Names, chosen_response
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.rasa.rasa_services import slot_name
from todserve.corpora.readers.rasa.rasa_types import SERVICE

FALLBACK_INTENT = "nlu_fallback"
"""What Rasa calls a message that it did not understand."""

SAID = "utter_"
"""Rasa's names of responses begin so, and those of actions never do."""

_DONE = {Language.EN: "All right.", Language.KO: "네, 알겠습니다."}


class BotParts:
    """Makes forms and actions; adds to ``wording`` what they need and nobody wrote.

    Args:
        assistant: the project.
        flows: what its rules and stories say.
        wording: its responses.
        language: of what is added.
        report: counts what is left out and what is missing.
    """

    def __init__(
        self,
        assistant: Assistant,
        flows: Flows,
        wording: Wording,
        language: Language,
        report: ReadReport,
    ) -> None:
        self._assistant = assistant
        self._flows = flows
        self._wording = wording
        self._language = language
        self._report = report
        self._places = {
            slot.name: (label(domain.service), label(slot_name(slot.name, domain)))
            for domain in assistant.project.domains
            for slot in domain.slots
        }

    def forms(self) -> dict[str, dict[str, Any]]:
        """Return each intent that begins a form, with the form."""
        found: dict[str, dict[str, Any]] = {}
        for form, slots in self._assistant.forms.items():
            intents = self._flows.begins.get(form, ())
            ruled = any(rule.names == (form,) for rule in self._flows.rules)
            if not slots or not (intents or ruled):
                reason = "its slots are nowhere listed" if not slots else "no intent begins it"
                self._report.skipped(f"form: {reason}", form)
                continue
            action = self._one(f"{form}_done", form, self._flows.ends.get(form, ()))
            keys = [label(intent) for intent in intents]
            for key in keys or [label(form)]:
                if key in found:
                    self._report.skipped("form: its intent begins another", f"{form} {key}")
                    continue
                found[key] = self._form(form, slots, action)
        return found

    def rules(self, made: frozenset[str]) -> list[dict[str, Any]]:
        """Return what is done under conditions.

        Args:
            made: names of the forms that bot.yml has.
        """
        found: list[dict[str, Any]] = []
        for rule in self._flows.rules:
            condition = rule.condition
            lacking = ({condition.form} - made - {None}) | (
                {rule.names[0]} & set(self._assistant.forms) - made
            )
            if lacking or rule.intent == FALLBACK_INTENT:
                reason = "of a form that is left out" if lacking else "for what is not understood"
                self._report.skipped(f"rule: {reason}", rule.where)
                continue
            silent = [
                one for one in rule.names if one.startswith(SAID) and one not in self._wording
            ]
            if len(silent) == len(rule.names) and rule.intent not in (
                self._assistant.retrieval_intents
            ):
                self._report.skipped("rule: what it says has no text", rule.where)
                continue
            slots = {self.named(slot): value for slot, value in condition.slots}
            known = [self.named(slot) for slot in condition.known]
            for intent in self._assistant.retrieval_intents.get(rule.intent, (rule.intent,)):
                names = tuple(chosen_response(one, intent, self._assistant) for one in rule.names)
                begun = names[0] if names[0] in made else None
                tree: dict[str, Any] = {
                    "intent": label(intent),
                    "after": condition.after,
                    "form": condition.form,
                    "slots": slots,
                    "known": known,
                    "start": condition.start,
                    "do": begun or self._one(f"{intent}_rule_{len(found)}", rule.where, names),
                    "leave": rule.leave,
                }
                found.append(
                    {k: one for k, one in tree.items() if one not in (None, {}, [], False)}
                )
        return found

    def named(self, slot: str) -> str:
        """Return the name that a slot has in bot.yml."""
        return self._places.get(slot, (SERVICE, label(slot)))[1]

    def answers(self) -> dict[str, str]:
        """Return what is done after an intent outside forms."""
        return {
            label(intent): self._one(f"{intent}_answer", intent, names)
            for intent, names in self._flows.answers.items()
            if intent != FALLBACK_INTENT
        }

    def fallback(self) -> dict[str, str]:
        """Return what is said to a message that was not understood, where the project says it."""
        names = self._flows.answers.get(FALLBACK_INTENT, ("utter_default",))
        said = [name for name in names if name in self._wording]
        return {"response": said[0]} if said else {}

    def _form(self, form: str, slots: Names, action: str) -> dict[str, Any]:
        places = {slot: self._places.get(slot, (SERVICE, label(slot))) for slot in slots}
        domain = places[slots[0]][0]
        required: dict[str, str] = {}
        for slot, (service, name) in places.items():
            if service == domain:
                required[name] = self._question(form, slot)
            else:
                self._report.skipped("form: slot of another service", f"{form} {slot}")
        return {"name": form, "domain": domain, "required": required, "action": action}

    def _question(self, form: str, slot: str) -> str:
        asking = question(form, slot, self._wording)
        if asking is not None:
            return asking
        self._report.missing("form: a question, for which the slot's name stands now", slot)
        self._wording[f"utter_ask_{slot}"] = (f"{label(slot).replace('_', ' ')}?",)
        return f"utter_ask_{slot}"

    def _one(self, name: str, where: str, names: Names) -> str:
        """Return the one action or response that stands for several in a row."""
        said = [one for one in names if one in self._wording]
        # A response without any text was counted when it was read.
        run = [one for one in names if not one.startswith(SAID)]
        if run:
            for other in (*run[1:], *said):
                self._report.skipped("step: beside an action that runs", f"{where}: {other}")
            return run[0]
        if len(said) == 1:
            return said[0]
        joined = f"utter_{label(name)}"
        if said:
            self._report.changed("response: several said in a row, joined", f"{where}: {joined}")
            self._wording[joined] = ("\n".join(self._wording[one][0] for one in said),)
        else:
            self._report.missing("form or intent: nothing is said after it", where)
            self._wording[joined] = (_DONE[self._language],)
        return joined

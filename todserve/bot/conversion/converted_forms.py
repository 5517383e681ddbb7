"""Forms and actions of a Rasa project as the keys ``forms`` and ``actions`` of bot.yml.

`converted_bot` calls it when a project is converted, after `intent_flows`. Example: ``book_form``
that ``book`` begins, which requires ``day`` and is ended by ``action_book``, is ``forms: {book:
{domain: rasa, required: {day: utter_ask_day}, action: action_book}}``.

Forms without a question get one, and what nothing is said after gets two words: both are counted.
"""

from typing import Any

from todserve.bot.bot_config import Template
from todserve.bot.bot_phrases import PHRASES, Language
from todserve.bot.conversion.converted_responses import Wording, question
from todserve.bot.conversion.flow_rules import Condition, Names
from todserve.bot.conversion.intent_flows import Flows, chosen_response, listed_actions
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.rasa.rasa_services import slot_name
from todserve.corpora.readers.rasa.rasa_types import SERVICE

FALLBACK_INTENT = "nlu_fallback"
"""What Rasa calls a message that it did not understand."""

SAID = "utter_"
"""Rasa's names of responses begin so, and those of actions never do."""


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
        self._listed = listed_actions(assistant)
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
            ruled = form in self._flows.named
            if not slots or not (intents or ruled):
                reason = "its slots are nowhere listed" if not slots else "no intent begins it"
                self._report.skipped(f"form: {reason}", form)
                continue
            action = self._steps(f"{form}_done", form, self._flows.ends.get(form, ()))
            keys = [(label(intent), intent) for intent in intents]
            for key, intent in keys or [(label(form), "")]:
                if key in found:
                    self._report.skipped("form: its intent begins another", f"{form} {key}")
                    continue
                opening = self._sayable(self._flows.openings.get((form, intent), ()), form)
                found[key] = self._form(form, slots, action, opening)
        return found

    def rules(self, made: frozenset[str]) -> list[dict[str, Any]]:
        """Return what is done under conditions.

        Args:
            made: names of the forms that bot.yml has.
        """
        found: list[dict[str, Any]] = []
        for rule in self._flows.rules:
            lacking = ({rule.condition.form} - made - {None}) | (
                {*rule.names} & set(self._assistant.forms) - made
            )
            if lacking or rule.intent == FALLBACK_INTENT:
                reason = "of a form that is left out" if lacking else "for what is not understood"
                self._report.skipped(f"rule: {reason}", rule.where)
                continue
            grouped = self._assistant.retrieval_intents.get(rule.intent or "", ())
            for intent in grouped or (rule.intent,):
                chosen = [chosen_response(one, intent, self._assistant) for one in rule.names]
                names = self._sayable(tuple(chosen), rule.where)
                if not names:
                    self._report.skipped("rule: what it says has no text", rule.where)
                    break
                tree: dict[str, Any] = {
                    "intent": None if intent is None else label(intent),
                    "after": rule.condition.after,
                    "earlier": rule.condition.earlier,
                    **self._condition(rule.condition),
                    "entities": dict(rule.condition.entities),
                    "form": rule.condition.form,
                    "start": rule.condition.start,
                    "do": _one_or_all(names),
                    "leave": rule.leave,
                }
                kept = {k: one for k, one in tree.items() if one not in (None, {}, [], False)}
                silent = rule.condition.form is not None and not rule.again
                found.append({**kept, **({"again": False} if silent else {})})
        return found

    def _condition(self, condition: Condition) -> dict[str, Any]:
        return {
            "slots": {self.named(slot): value for slot, value in condition.slots},
            "known": [self.named(slot) for slot in condition.known],
        }

    def named(self, slot: str) -> str:
        """Return the name that a slot has in bot.yml."""
        return self._places.get(slot, (SERVICE, label(slot)))[1]

    def answers(self) -> dict[str, Any]:
        """Return what is done after an intent outside forms."""
        return {
            label(intent): self._steps(f"{intent}_answer", intent, names)
            for intent, names in self._flows.answers.items()
            if intent != FALLBACK_INTENT
        }

    def not_understood(self) -> Names:
        """Return what is said to a message that was not understood, where the project says it."""
        names = self._flows.answers.get(FALLBACK_INTENT, ("utter_default",))
        return tuple(name for name in names if name in self._wording)

    def _form(self, form: str, slots: Names, action: Any, opening: Names) -> dict[str, Any]:
        places = {slot: self._places.get(slot, (SERVICE, label(slot))) for slot in slots}
        domain = places[slots[0]][0]
        required: dict[str, str] = {}
        for slot, (service, name) in places.items():
            if slot not in self._places:
                self._report.missing("form: asks for a slot that no domain lists", f"{form} {slot}")
            if service == domain:
                required[name] = self._question(form, slot)
            else:
                self._report.skipped("form: slot of another service", f"{form} {slot}")
        tree: dict[str, Any] = {"name": form, "domain": domain}
        if opening:
            tree["opening"] = _one_or_all(opening)
        tree |= {"required": required, "action": action}
        ends = []
        for condition, names in self._flows.branches.get(form, ()):
            said = self._sayable(names, form)
            if said:
                kept = {key: one for key, one in self._condition(condition).items() if one}
                ends.append({**kept, "do": _one_or_all(said)})
        if ends:
            tree["ends"] = ends
        validation = f"validate_{form}"
        if validation in self._listed:
            tree["validate_action"] = validation
        return tree | {"stays": True}

    def _question(self, form: str, slot: str) -> str:
        asking = question(form, slot, self._wording, self._listed)
        if asking is not None:
            return asking
        self._report.missing("form: a question, for which the slot's name stands now", slot)
        self._wording[f"utter_ask_{slot}"] = (Template(text=f"{label(slot).replace('_', ' ')}?"),)
        return f"utter_ask_{slot}"

    def _sayable(self, names: Names, where: str) -> Names:
        """Return what can be done: a response without any text says nothing."""
        for name in names:
            if name.startswith(SAID) and name not in self._wording:
                self._report.skipped("step: a response that says nothing", f"{where}: {name}")
        return tuple(name for name in names if not name.startswith(SAID) or name in self._wording)

    def _steps(self, name: str, where: str, names: Names) -> Any:
        """Return what is done, and something that is said where nothing can be."""
        found = self._sayable(names, where)
        if found:
            return _one_or_all(found)
        self._report.missing("form or intent: nothing is said after it", where)
        said = f"utter_{label(name)}"
        self._wording[said] = (Template(text=PHRASES[self._language].done),)
        return said


def _one_or_all(names: Names) -> Any:
    """Return what stands in bot.yml: a name, or a list of several."""
    return names[0] if len(names) == 1 else list(names)

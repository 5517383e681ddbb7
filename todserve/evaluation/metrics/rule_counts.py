"""RuleCounts: how often each rule of the reply stage struck in a rollout, and what was sent then.

``tod evaluate multiwoz`` and ``tod evaluate truth`` count them and show them with their figures.
Example: ``{"refusal": 28, "booking": 24, ...}`` of 1,099 replies, of which 984 are the model's
first, 48 another generation and 67 plain sentences.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from todserve.evaluation.rollout import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleCounts:
    """How often each rule struck among a rollout's replies.

    Attributes:
        replies: how many there are.
        sources: where a reply was from -> how many.
        rules: name of a rule -> replies whose first generation it struck.
    """

    replies: int
    sources: Mapping[str, int]
    rules: Mapping[str, int]

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> "RuleCounts":
        """Count the replies of a rollout."""
        replies = [one.answer.response for one in outcomes if one.answer and one.answer.response]
        return cls(
            replies=len(replies),
            sources=dict(Counter(one.source for one in replies).most_common()),
            rules=dict(Counter(rule for one in replies for rule in one.rules).most_common()),
        )

    def figures(self) -> dict[str, object]:
        """Return the counts as JSON."""
        return {"replies": self.replies, "sources": self.sources, "struck": self.rules}

    def told(self) -> str:
        """Return one line for the terminal."""
        sources = ", ".join(f"{number} {name}" for name, number in self.sources.items())
        rules = ", ".join(f"{name} {number}" for name, number in self.rules.items())
        return f"{self.replies} replies: {sources}; struck: {rules or 'nothing'}"

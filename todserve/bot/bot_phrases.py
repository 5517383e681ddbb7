"""Phrases: what the bot can say and understand before bot.yml says anything.

Beside the way of a message. Example: ``PHRASES[Language.KO].affirm`` begins with ``"네"``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """Languages with phrases of their own."""

    EN = "en"
    KO = "ko"


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrases:
    """The phrases of one language.

    Attributes:
        affirm: utterances, or their beginnings, that mean yes; lower case.
        deny: the same for no.
        responses: name -> text of the responses that every bot has.
        book: a regular expression of how a booking is asked for.
        reference: the same for the reference of one.
        change: words that ask to change a value; lower case.
        not_this: words before a value that is not meant.
        but_this: words after such a value.
        becomes: words between a slot's name and its new value.
    """

    affirm: tuple[str, ...]
    deny: tuple[str, ...]
    responses: Mapping[str, str]
    book: str = ""
    reference: str = ""
    change: tuple[str, ...] = ()
    not_this: tuple[str, ...] = ()
    but_this: tuple[str, ...] = ()
    becomes: tuple[str, ...] = ()


PHRASES: Mapping[Language, Phrases] = {
    Language.EN: Phrases(
        affirm=("yes", "yeah", "yep", "yup", "sure", "ok", "okay", "correct", "right", "exactly")
        + ("please do", "do it", "go ahead", "of course", "absolutely", "definitely", "certainly")
        + ("confirm", "confirmed", "that is right", "that's right", "that is correct")
        + ("that's correct", "sounds good", "sounds great", "perfect", "great"),
        deny=("no", "nope", "nah", "not", "don't", "do not", "never", "never mind", "nevermind")
        + ("stop", "cancel", "forget it", "wrong", "incorrect", "that is wrong", "that's wrong"),
        responses={
            "utter_fallback": "I am sorry, I did not understand. Could you say it differently?",
            "utter_hand_off": "I am passing you on to a person, who will continue here.",
            "utter_action_failed": "I am sorry, that did not work. Please try again in a moment.",
            "utter_action_unsure": "I am sorry, I got no answer: I cannot say whether it is done.",
            "utter_value_refused": "I cannot take that.",
            "utter_nobody_there": "I am sorry, I can reach nobody at the moment.",
            "utter_back": "Nobody has answered so far, so I am listening again.",
            "utter_form_left": "All right, I have not done it.",
            "utter_reference": "Your reference is {reference}.",
            "utter_nothing_booked": "Nothing is booked yet.",
        },
        book=r"(?:^|(?:please|to|you|just|and|me|us|i|we|let'?s|then|ok(?:ay)?,?|yes,?) )"
        r"(?:book|reserve)\b(?! ?-?ings?\b)|\bmake (?:me |us )?(?:a|the|that) "
        r"(?:booking|reservation)\b|\b(?:need|want|like) (?:a|the|to have a) "
        r"(?:booking|reservation)\b|"
        r"\b(?:need|want|like|get) (?:it|that|this|one|a table|a room) (?:booked|reserved)\b",
        reference=r"\b(?:reference|confirmation|booking) (?:number|code|no\b|id\b)|\breference\b|"
        r"\bconfirmation\b",
        change=("change", "correct", "wrong", "different", "another", "actually", "i mean", "sorry")
        + ("i meant", "rather", "instead", "wait", "not right", "edit", "fix"),
        not_this=("not", "isn't", "not on", "not at", "instead of", "rather than"),
        becomes=("is", "to", "should be", "must be", "was"),
    ),
    Language.KO: Phrases(
        affirm=("네", "넵", "넹", "예", "응", "어", "그래", "그래요", "좋아", "좋아요", "좋습니다")
        + ("맞아", "맞아요", "맞습니다", "물론", "물론이죠", "당연하죠", "부탁해", "부탁해요")
        + ("부탁드려요", "부탁드립니다", "그렇게 해", "그렇게 해줘", "그렇게 해주세요", "해줘")
        + ("해주세요", "진행해줘", "진행해주세요", "확인", "오케이", "ㅇㅇ", "ㅇㅋ"),
        deny=("아니", "아니요", "아니오", "아뇨", "아닙니다", "아니에요", "싫어", "싫어요")
        + ("안 돼", "안돼", "안 해", "안해", "안 할래", "하지 마", "하지마", "하지 마세요")
        + ("하지마세요", "됐어", "됐어요", "취소", "취소해", "취소해줘", "취소해주세요", "그만")
        + ("틀려", "틀렸어", "틀렸어요", "ㄴㄴ"),
        responses={
            "utter_fallback": "죄송합니다. 이해하지 못했습니다. 다르게 말씀해 주시겠어요?",
            "utter_hand_off": "상담원에게 연결해 드리겠습니다. 이곳에서 이어서 도와드릴 것입니다.",
            "utter_action_failed": "죄송합니다. 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.",
            "utter_action_unsure": "죄송합니다. 응답이 없어서 처리되었는지 알 수 없습니다.",
            "utter_value_refused": "그 값은 받을 수 없습니다.",
            "utter_nobody_there": "죄송합니다. 지금은 상담원과 연결할 수 없습니다.",
            "utter_back": "아직 상담원의 답이 없어 제가 다시 도와드리겠습니다.",
            "utter_form_left": "알겠습니다. 진행하지 않았습니다.",
            "utter_reference": "예약번호는 {reference}입니다.",
            "utter_nothing_booked": "아직 예약된 것이 없습니다.",
        },
        book=r"예약(?:해|하고|할|을? ?부탁|을? ?원)",
        reference=r"예약 ?번호|확인 ?번호",
        change=("바꿔", "바꿔줘", "바꿔주세요", "변경", "변경해", "변경해줘", "변경해주세요")
        + ("수정", "다른", "잘못", "아니라", "말고", "틀렸어요"),
        but_this=("말고", "아니라", "아니고", "대신"),
    ),
}

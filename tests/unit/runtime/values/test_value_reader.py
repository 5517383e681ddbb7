"""What people say of days, times, amounts, numbers and addresses, in three languages."""

import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.schema import Schema, Service, Slot, ValueType
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.values.place import PLACE_FILE, DateOrder, Place
from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_reader import ValueReader
from todserve.runtime.values.value_words import ValueWords, languages
from todserve.runtime.whole_files import write_whole

SATURDAY = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
FORM = "form"
TYPED = tuple(Slot(name=one, type=one) for one in ValueType)
SCHEMA = Schema(services=(Service(name=FORM, slots=(*TYPED, Slot(name="x"))),))


def reader(language: str = "english", **place: Any) -> ValueReader:
    schema = SCHEMA.model_copy(update={"forms": WordForms.of_language(language)})
    words = ValueWords.of_language(language)
    return ValueReader(schema=schema, words=words, place=Place(**place))


def meant(language: str, kind: str, said: str, at: datetime = SATURDAY, **place: Any) -> str:
    found = reader(language, **place).read(FORM, kind, said, at)
    assert found is not None
    assert found.type == kind
    return str(found)


@pytest.mark.parametrize(
    ("language", "said", "day"),
    [
        ("english", "today", "2026-11-28"),
        ("english", "tomorrow", "2026-11-29"),
        ("english", "the day after tomorrow", "2026-11-30"),
        ("english", "saturday", "2026-11-28"),
        ("english", "on friday evening", "2026-12-04"),
        ("english", "next friday", "2026-12-04"),
        ("english", "friday next week", "2026-12-04"),
        ("english", "a week on friday", "2026-12-11"),
        ("english", "the 3rd", "2026-12-03"),
        ("english", "the 28th", "2026-11-28"),
        ("english", "the 31st", "2026-12-31"),
        ("english", "the third of next month", "2026-12-03"),
        ("english", "friday the 4th", "2026-12-04"),
        ("english", "28 november", "2026-11-28"),
        ("english", "december 3rd", "2026-12-03"),
        ("english", "1 november", "2027-11-01"),
        ("english", "3 march next year", "2027-03-03"),
        ("english", "3 may 1990", "1990-05-03"),
        ("english", "3/12", "2026-12-03"),
        ("english", "12/25", "2026-12-25"),
        ("english", "2026-12-04", "2026-12-04"),
        ("english", "in 2 weeks", "2026-12-12"),
        ("english", "in a year", "2027-11-28"),
        ("english", "yesterday", "2026-11-27"),
        ("german", "übermorgen", "2026-11-30"),
        ("german", "heute abend", "2026-11-28"),
        ("german", "am kommenden freitag", "2026-12-04"),
        ("german", "nächsten freitag", "2026-12-04"),
        ("german", "freitag in einer woche", "2026-12-11"),
        ("german", "am 3.", "2026-12-03"),
        ("german", "am dritten", "2026-12-03"),
        ("german", "am 3.12.", "2026-12-03"),
        ("german", "freitag, den 4. dezember", "2026-12-04"),
        ("german", "in 14 tagen", "2026-12-12"),
        ("german", "3. märz nächstes jahr", "2027-03-03"),
        ("korean", "내일", "2026-11-29"),
        ("korean", "모레", "2026-11-30"),
        ("korean", "다음 주 금요일에", "2026-12-04"),
        ("korean", "이번 주 금요일", "2026-11-27"),
        ("korean", "담주 금요일", "2026-12-04"),
        ("korean", "3일", "2026-12-03"),
        ("korean", "3일 후", "2026-12-01"),
        ("korean", "12월 3일 오후", "2026-12-03"),
        ("korean", "12/3", "2026-12-03"),
        ("korean", "내년 3월 2일", "2027-03-02"),
    ],
)
def test_a_day_is_found_from_the_reference_day(language: str, said: str, day: str) -> None:
    assert meant(language, "date", said) == day


@pytest.mark.parametrize(
    ("language", "said", "reason"),
    [
        ("english", "next week", "names no day"),
        ("english", "may", "names no day"),
        ("english", "banana", "names no day"),
        ("english", "17:00", "names no day"),
        ("english", "31/2", "no such day"),
        ("english", "thursday the 4th", "weekday is not that of its date"),
        ("german", "nächste woche", "names no day"),
        ("german", "donnerstag, den 4. dezember", "weekday is not that of its date"),
        ("korean", "다음 주", "names no day"),
        ("english", "friday " * 20, "names no day"),
    ],
)
def test_what_is_no_day_is_refused_with_the_reason(language: str, said: str, reason: str) -> None:
    with pytest.raises(UnreadableValue, match=reason):
        meant(language, "date", said)


def test_next_friday_is_that_of_the_week_after_and_friday_the_coming_one() -> None:
    monday = SATURDAY - timedelta(days=5)
    assert meant("english", "date", "friday", monday) == "2026-11-27"
    assert meant("english", "date", "this friday", monday) == "2026-11-27"
    assert meant("english", "date", "next friday", monday) == "2026-12-04"


def test_the_day_is_that_of_the_user_and_not_of_the_server() -> None:
    late = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    seoul = late.astimezone(timezone(timedelta(hours=9)))
    assert meant("english", "date", "tomorrow", late) == "2026-11-29"
    assert meant("english", "date", "tomorrow", seoul) == "2026-11-30"


def test_the_servers_clock_is_read_in_the_time_zone_of_the_place() -> None:
    told = datetime(2026, 11, 28, tzinfo=UTC)
    assert reader().moment(told) is told
    assert str(reader(time_zone="Asia/Seoul").moment(None).tzinfo) == "Asia/Seoul"
    assert str(reader().moment(None).tzinfo) == "UTC"


def test_the_place_says_which_of_two_figures_is_the_month() -> None:
    order = DateOrder.MONTH_FIRST
    assert meant("english", "date", "3/12/2026", date_order=order) == "2026-03-12"


@pytest.mark.parametrize(
    ("language", "said", "clock"),
    [
        ("english", "half past six", "18:30"),
        ("english", "06:30", "06:30"),
        ("english", "6:30 pm", "18:30"),
        ("english", "quarter to seven in the morning", "06:45"),
        ("english", "at 6", "18:00"),
        ("english", "6 thirty", "18:30"),
        ("english", "noon", "12:00"),
        ("german", "um halb sieben abends", "18:30"),
        ("german", "18 uhr 30", "18:30"),
        ("german", "viertel nach sechs", "18:15"),
        ("german", "um 7 uhr morgens", "07:00"),
        ("korean", "오후 6시 반", "18:30"),
        ("korean", "오전 10시에", "10:00"),
        ("korean", "저녁 일곱 시 30분", "19:30"),
        ("korean", "정오", "12:00"),
    ],
)
def test_a_time_of_day_is_told_in_hours_and_minutes(language: str, said: str, clock: str) -> None:
    assert meant(language, "time", said) == clock


@pytest.mark.parametrize("said", ["banana", "25:00", "24:10", "tomorrow"])
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(UnreadableValue, match="time"):
        meant("english", "time", said)


@pytest.mark.parametrize(
    ("language", "said", "amount"),
    [
        ("english", "25 quid", "25 GBP"),
        ("english", "£1,250.99", "1250.99 GBP"),
        ("english", "twenty five pounds", "25 GBP"),
        ("english", "3 pounds 50", "3.50 GBP"),
        ("english", "50 pence", "0.50 GBP"),
        ("english", "under 30 pounds", "30 GBP"),
        ("english", "2 grand", "2000"),
        ("german", "1.234,50 €", "1234.50 EUR"),
        ("german", "zweihundertfünfzig euro", "250 EUR"),
        ("german", "zwölf euro fünfzig", "12.50 EUR"),
        ("german", "höchstens 30 schweizer franken", "30 CHF"),
        ("korean", "2만 5천원", "25000 KRW"),
        ("korean", "오만원", "50000 KRW"),
        ("korean", "3만원 이하", "30000 KRW"),
        ("korean", "백이십만 원", "1200000 KRW"),
    ],
)
def test_an_amount_is_told_in_figures_with_its_currency(
    language: str, said: str, amount: str
) -> None:
    assert meant(language, "amount", said) == amount


def test_an_amount_without_a_currency_has_that_of_the_place_or_none() -> None:
    assert meant("english", "amount", "30") == "30"
    assert meant("english", "amount", "30", currency="GBP") == "30 GBP"
    assert meant("english", "amount", "30 euros", currency="GBP") == "30 EUR"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("20-30 pounds", "several numbers"),
        ("30 bananas", "something else"),
        ("cheap", "something else"),
        ("20 pounds 30 euros", "several"),
    ],
)
def test_what_is_not_one_amount_is_refused(said: str, reason: str) -> None:
    with pytest.raises(UnreadableValue, match=reason):
        meant("english", "amount", said)


@pytest.mark.parametrize(
    ("language", "said", "number"),
    [
        ("english", "three people", "3"),
        ("english", "a dozen", "12"),
        ("english", "two hundred thousand", "200000"),
        ("english", "-3", "-3"),
        ("german", "3,5", "3.5"),
        ("german", "zu dritt", "3"),
        ("german", "zweiundvierzig", "42"),
        ("korean", "네 사람", "4"),
        ("korean", "스물다섯", "25"),
    ],
)
def test_a_number_is_told_in_figures(language: str, said: str, number: str) -> None:
    assert meant(language, "number", said) == number


@pytest.mark.parametrize(
    ("language", "said", "number"),
    [
        ("english", "01223 365555", "+441223365555"),
        ("english", "0044 1223-365555", "+441223365555"),
        ("german", "030 901820", "+4930901820"),
        ("german", "+44 1223 365555", "+441223365555"),
        ("korean", "010 1234 5678", "+821012345678"),
    ],
)
def test_a_phone_number_is_told_as_it_is_dialled_from_anywhere(
    language: str, said: str, number: str
) -> None:
    assert meant(language, "phone", said) == number


def test_a_number_is_dialled_in_the_country_of_the_place() -> None:
    assert meant("german", "phone", "01 514440", country="AT") == "+431514440"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("12345", "too few digits"),
        ("01223 36555512345", "too many digits"),
        ("01632 960123", "given out"),
        ("+999 123456", "country"),
        ("call me", "no phone number"),
    ],
)
def test_a_number_that_cannot_be_dialled_is_refused(said: str, reason: str) -> None:
    with pytest.raises(UnreadableValue, match=reason):
        meant("english", "phone", said)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("english", "anna.weber@example.com"),
        ("english", "Anna dot Weber at example dot com"),
        ("english", "anna. weber @ example. com."),
        ("german", "anna punkt weber ät example punkt com"),
        ("korean", "anna.weber 골뱅이 example 닷 com"),
    ],
)
def test_a_mail_address_is_read_as_it_is_written_or_said(language: str, said: str) -> None:
    assert meant(language, "email", said) == "anna.weber@example.com"


@pytest.mark.parametrize("said", ["anna", "anna@example", "anna@@example.com", "@example.com"])
def test_what_is_no_mail_address_is_refused(said: str) -> None:
    with pytest.raises(UnreadableValue, match="@"):
        meant("english", "email", said)


def test_an_address_is_told_in_one_line_and_in_parts() -> None:
    found = reader("german").read(FORM, "address", "hauptstr. 5 10115 berlin", SATURDAY)
    assert found is not None
    assert found.value == "Hauptstraße 5, 10115 Berlin"
    assert found.parts == {
        "number": "5",
        "street": "Hauptstraße",
        "city": "Berlin",
        "postcode": "10115",
    }
    assert meant("english", "address", "flat 3, 12 mill rd, cambridge cb1 2ab") == (
        "Flat 3, 12 Mill Road, Cambridge CB1 2AB"
    )
    assert meant("korean", "address", "서울시 강남구 테헤란로 152") == "서울시 강남구 테헤란로 152"


@pytest.mark.parametrize("said", ["mill road", "somewhere", "12"])
def test_a_street_without_a_number_is_no_address(said: str) -> None:
    with pytest.raises(UnreadableValue, match="street and number"):
        meant("english", "address", said)


@pytest.mark.parametrize("kind", list(ValueType))
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("said", ["?", "0", "()" * 500, "9" * 300, "a b" * 200, "@", "₩", "-", "é"])
def test_whatever_is_typed_is_read_or_refused(language: str, kind: str, said: str) -> None:
    with suppress(UnreadableValue):
        assert meant(language, kind, said)


def test_a_slot_without_a_type_and_no_value_mean_nothing_more() -> None:
    assert reader().read(FORM, "x", "friday", SATURDAY) is None
    assert reader().read(FORM, "date", "dontcare", SATURDAY) is None


def test_what_means_the_same_is_borne_out_by_the_words() -> None:
    english = reader()
    assert english.bears_out(FORM, "date", "2026-12-04", "can i come next friday?", SATURDAY)
    assert english.bears_out(FORM, "phone", "+441223365555", "it is 01223 365555.", SATURDAY)
    assert not english.bears_out(FORM, "date", "2026-12-04", "can i come on monday?", SATURDAY)
    assert not english.bears_out(FORM, "phone", "01223365556", "it is 01223 365555.", SATURDAY)


def test_a_schema_without_types_has_no_reader(tmp_path: Path) -> None:
    plain = Schema(services=(Service(name=FORM, slots=(Slot(name="x"),)),))
    assert ValueReader.of(tmp_path, plain, language="english") is None


def test_a_language_without_words_for_values_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in finnish; values are read in english, german, korean"):
        ValueReader.of(tmp_path, SCHEMA, language="finnish")


def test_a_missing_package_is_named_with_its_slot_and_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    told = r"slot phone of form .* phonenumbers, .*todserve\[values"
    with pytest.raises(ConfigError, match=told):
        ValueReader.of(tmp_path, SCHEMA, language="english")


@pytest.mark.parametrize(
    "content",
    [
        '{"time_zone": "Europe/Atlantis"}',
        '{"time_zone": "../../etc/passwd"}',
        '{"country": "germany"}',
        '{"currency": "€"}',
        '{"date_order": "ymd"}',
        '{"planet": "earth"}',
        "[]",
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    write_whole(tmp_path / PLACE_FILE, content)
    with pytest.raises(ConfigError, match=PLACE_FILE):
        Place.of_folder(tmp_path)


def test_every_language_says_the_same_things() -> None:
    assert set(languages()) == {"english", "german", "korean"}
    for language in languages():
        assert ValueWords.of_language(language).language == language

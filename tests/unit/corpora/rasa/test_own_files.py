"""Of a folder only the project's own files are read, and one bad line costs that line alone."""

from pathlib import Path

from todserve.bot.conversion.rasa_conversion import ConversionReport, convert_rasa
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import rasa_files

DOMAIN = "intents: [greet]\nresponses: {utter_greet: [{text: Welcome to the bank}]}\n"
NLU = "nlu:\n- intent: greet\n  examples: |\n    - hi\n"
ALIEN = "responses: {utter_greet: [{text: Hey}], utter_cheer_up: [{text: Up}]}\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in {"domain.yml": DOMAIN, "data/nlu.yml": NLU, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def own(folder: Path, report: ReadReport | None = None) -> list[str]:
    return [one.relative_to(folder).as_posix() for one in rasa_files(folder, report)]


def test_environments_results_models_and_readmes_are_left_alone(tmp_path: Path) -> None:
    steps = "## h\n* x\n- y\n"
    project = written(
        tmp_path,
        **{
            "venv/lib/python3.8/site-packages/rasa/cli/initial_project/domain.yml": ALIEN,
            "my-env/pyvenv.cfg": "",
            "my-env/domain.yml": ALIEN,
            "web/node_modules/a/domain.yml": ALIEN,
            "results/failed_test_stories.yml": "stories: []\n",
            "models/domain.yml": ALIEN,
            "tests/failed_test_stories.yml": "stories: []\n",
            "README.md": steps,
            "web/README.pt.md": steps,
            "docs/guide.md": "## Install\n* with docker it takes a minute\n- see below\n",
            "converted/bot.yml": ALIEN,
            "converted/dialogues/train/schema.json": "[]",
        },
    )
    report = ReadReport(kept=100)
    assert own(project, report) == ["data/nlu.yml", "domain.yml"]
    left = report.notes["file: not the project's own, left alone"].examples
    assert [Path(one).relative_to(project).as_posix() for one in left] == [
        "README.md",
        "converted",
        "models",
        "my-env",
        "results",
        "tests/failed_test_stories.yml",
        "venv",
        "web/README.pt.md",
        "web/node_modules",
    ]


def test_a_folder_called_models_deeper_down_is_the_projects_own(tmp_path: Path) -> None:
    assert "data/models/faq.yml" in own(written(tmp_path, **{"data/models/faq.yml": NLU}))


def test_stories_in_markdown_are_read_wherever_they_stand(tmp_path: Path) -> None:
    told = "## happy\n* greet\n  - utter_greet\n* greet OR bye\n  - utter_greet\n"
    assert "data/stories.md" in own(written(tmp_path, **{"data/stories.md": told}))


def converted(folder: Path, **files: str) -> ConversionReport:
    return convert_rasa(written(folder / "bot", **files), folder / "out")


def faults(report: ConversionReport) -> dict[str, list[str]]:
    return {
        reason: [Path(one).name for one in note.examples]
        for reason, note in report.notes.notes.items()
        if reason.startswith("fault")
    }


def test_a_second_conversion_does_not_read_the_first(tmp_path: Path) -> None:
    project = written(tmp_path / "bot")
    first = convert_rasa(project, project / "converted").bot
    assert convert_rasa(project, project / "again").bot == first


def test_a_broken_mark_is_kept_as_words(tmp_path: Path) -> None:
    nlu = f"{NLU}    - a [broken](mark here\n"
    report = converted(tmp_path, **{"data/nlu.yml": nlu})
    _, dialogues = open_dialogues(report.out / "dialogues")
    assert [one.turns[0].user for one in dialogues] == ["hi", "a [broken](mark here"]
    (where,) = faults(report).values()
    assert where == ["nlu.yml:5"]


def test_a_story_with_a_bad_step_is_named_and_the_others_are_told(tmp_path: Path) -> None:
    stories = (
        "stories:\n- story: bad\n  steps:\n  - intent: greet\n  - acton: utter_greet\n"
        "- story: good\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
    )
    report = converted(tmp_path, **{"data/stories.yml": stories})
    _, dialogues = open_dialogues(report.out / "dialogues")
    told = {one.dialogue_id for one in dialogues}
    assert "good" in told
    assert "bad" not in told
    assert faults(report) == {"fault: step: got keys acton": ["stories.yml:5"]}


def test_a_file_that_is_no_yaml_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    report = converted(tmp_path, **{"data/more.yml": "nlu: [\n"})
    assert set(report.bot.responses) == {"utter_greet"}
    assert [where for where in faults(report).values() if "more.yml:2" in where]


def test_a_list_is_a_value_of_a_slot_in_a_story(tmp_path: Path) -> None:
    domain = f"{DOMAIN}slots: {{items: {{type: list, mappings: [{{type: custom}}]}}}}\n"
    stories = (
        "stories:\n- story: s\n  steps:\n  - intent: greet\n"
        "  - slot_was_set:\n    - items: [tea, cake]\n  - action: utter_greet\n"
    )
    report = converted(tmp_path, **{"domain.yml": domain, "data/stories.yml": stories})
    _, dialogues = open_dialogues(report.out / "dialogues")
    states = [one.turns[0].belief_state for one in dialogues if one.dialogue_id == "s"]
    assert states == [{"rasa": {"items": '["tea", "cake"]'}}]


def test_a_lookup_table_of_rasa_one_reads_the_file_it_names(tmp_path: Path) -> None:
    report = converted(
        tmp_path,
        **{
            "domain.yml": f"{DOMAIN}entities: [city]\nslots: {{city: {{type: text}}}}\n",
            "data/nlu.md": "## intent:greet\n- to [York](city)\n## lookup:city\ndata/cities.txt\n",
            "data/cities.txt": "york\nely\n",
        },
    )
    (service,), _ = open_dialogues(report.out / "dialogues")
    assert {slot.name: slot.values for slot in service.slots}["city"] == ("york", "ely")
    assert faults(report) == {}


def test_a_slot_of_rasa_two_that_no_entity_may_fill_is_filled_by_none(tmp_path: Path) -> None:
    domain = (
        f"{DOMAIN}entities: [city, size]\n"
        "slots: {city: {type: text, auto_fill: false}, size: {type: text, auto_fill: true}}\n"
    )
    slots = converted(tmp_path, **{"domain.yml": domain}).bot.slots
    assert (slots["city"].understood, slots["size"].understood) == (False, True)


def test_entities_that_fill_no_slot_get_one_for_each_of_their_roles(tmp_path: Path) -> None:
    domain = f"{DOMAIN}entities: [{{city: {{roles: [from, to]}}}}]\n"
    nlu = NLU + '    - to [ely]{"entity": "city", "role": "to"}\n'
    report = converted(tmp_path, **{"domain.yml": domain, "data/nlu.yml": nlu})
    assert set(report.bot.slots) == {"city_from", "city_to"}
    _, dialogues = open_dialogues(report.out / "dialogues")
    states = {one.turns[0].user: one.turns[0].belief_state for one in dialogues}
    assert states["to ely"] == {"rasa": {"city_to": "ely"}}

from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError
from todserve.serving.server.config_properties import CLOSED, Frontend

SHIPPED = Path(__file__).parents[3] / "config.properties"
OFF = "disable_token_authorization=true\n"


def read(folder: Path, text: str) -> Frontend:
    path = folder / "config.properties"
    path.write_text(text)
    return Frontend.read(path)


def test_shipped_file_is_safe_and_has_five_ports() -> None:
    frontend = Frontend.read(SHIPPED)
    frontend.check()
    assert not frontend.tokens
    assert [address.port for address in frontend.addresses] == [8080, 8081, 8082, 7070, 7071]
    assert all(address.loopback for address in frontend.addresses)


def test_defaults_are_torchserves_own(tmp_path: Path) -> None:
    frontend = read(tmp_path, "# nothing\n\n")
    assert frontend.tokens
    assert frontend.inference.url == "http://127.0.0.1:8080"
    assert [address.port for address in frontend.grpc] == [7070, 7071]


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ("inference_address=http://0.0.0.0:8080", "inference_address"),
        ("management_address=http://192.168.1.5:8081", "management_address"),
        ("metrics_address=http://[::]:8082", "metrics_address"),
        ("inference_address=http://example.com:8080", "inference_address"),
        ("grpc_inference_address=0.0.0.0", "grpc_inference_port"),
    ],
)
def test_open_address_without_tokens_is_refused(tmp_path: Path, line: str, setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting} is .* tokens are off"):
        read(tmp_path, OFF + line).check()
    read(tmp_path, line).check()  # with tokens it may be


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
def test_loopback_without_tokens_is_accepted(tmp_path: Path, host: str) -> None:
    frontend = read(tmp_path, f"{OFF}inference_address=http://{host}:8080")
    frontend.check()
    assert frontend.inference.url == f"http://{host}:8080"


def test_address_of_all_interfaces_is_asked_on_loopback(tmp_path: Path) -> None:
    assert read(tmp_path, "inference_address=http://0.0.0.0:80").inference.url.endswith(
        "//127.0.0.1:80"
    )


def test_shared_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both say port 8080"):
        read(tmp_path, "management_address=http://127.0.0.1:8080").check()


@pytest.mark.parametrize(
    "line",
    [
        "inference_address=https://127.0.0.1:8443",
        "inference_address=127.0.0.1:8080",
        "inference_address=http://127.0.0.1",
        "inference_address=http://127.0.0.1:99999",
        "grpc_inference_port=many",
        "inference_address",
        "a=b\\",
        r"management_addre\u0073s=http://0.0.0.0:8081",
        "management_address:http=//0.0.0.0:8081",
        "management_address http://0.0.0.0:8081/?a=b",
        "!a=b",
        # What ends a line, or is a blank, for Python alone.
        "a=b\x0cmanagement_address=http://127.0.0.1:8081",
        "a=b\x1dmanagement_address=http://127.0.0.1:8081",
        "a=b\x85management_address=http://127.0.0.1:8081",
        "a=b\u2028management_address=http://127.0.0.1:8081",
        "\xa0management_address=http://127.0.0.1:8081",
    ],
)
def test_malformed_line_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        read(tmp_path, line)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.properties: cannot be read"):
        Frontend.read(tmp_path / "none.properties")


@pytest.mark.parametrize(
    "line",
    ["enable_model_api=true", "allowed_urls=file://.*", "workflow_store=archive/store"],
)
def test_what_lets_code_be_loaded_needs_tokens(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=f"{line.partition('=')[0]}: got .* while tokens are off"):
        read(tmp_path, OFF + line).check()
    read(tmp_path, line).check()


def test_shipped_file_says_itself_that_no_code_is_loaded() -> None:
    # Plain TorchServe reads this file as it is, and its own defaults are open.
    settings = Frontend.read(SHIPPED).settings
    assert CLOSED.items() <= settings.items()
    assert "-javaagent:archive/page_guard.jar" in settings["vmargs"].split()


def test_a_setting_left_out_is_written_closed_and_not_as_torchserve_has_it(tmp_path: Path) -> None:
    written = read(tmp_path, OFF).write(tmp_path / "elsewhere.properties")
    assert CLOSED.items() <= written.settings.items()


def test_write_makes_paths_absolute_and_keeps_the_rest(tmp_path: Path) -> None:
    text = (
        "metrics_config=archive/metrics.yaml\njob_queue_size=7\n"
        "vmargs=-Xmx1g -Dlog4j.configurationFile=a.xml\n"
    )
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "metrics.yaml").write_text("")
    target = tmp_path / "elsewhere.properties"
    written = read(tmp_path, text).write(target)
    assert written.settings == {
        **CLOSED,
        "metrics_config": str(tmp_path / "archive" / "metrics.yaml"),
        "job_queue_size": "7",
        "vmargs": "-javaagent:page_guard.jar -Xmx1g",
    }
    shipped = SHIPPED.parent / "archive" / "page_guard.jar"
    assert (tmp_path / "page_guard.jar").read_bytes() == shipped.read_bytes()


def test_names_of_ones_own_stay_with_the_page_guard(tmp_path: Path) -> None:
    text = "vmargs=-Xmx1g -javaagent:archive/page_guard.jar=models.example -javaagent:own.jar=a"
    written = read(tmp_path, text).write(tmp_path / "written")
    assert written.settings["vmargs"] == (
        "-javaagent:page_guard.jar=models.example -Xmx1g -javaagent:own.jar=a"
    )


def test_a_file_that_the_folder_lacks_is_the_shipped_one(tmp_path: Path) -> None:
    written = read(tmp_path, "metrics_config=archive/metrics.yaml").write(tmp_path / "written")
    assert written.settings["metrics_config"] == str(SHIPPED.parent / "archive" / "metrics.yaml")

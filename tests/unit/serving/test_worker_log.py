from pathlib import Path

from todserve.serving.server.worker_log import first_cause, load_failure

MASKED = """\
Traceback (most recent call last):
  File "ts/model_loader.py", line 108, in load
    module, function_name = self._load_handler_file(handler)
  File "tod_handler.py", line 1, in <module>
    import nothing_of_that_name
ModuleNotFoundError: No module named 'nothing_of_that_name'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "ts/model_service_worker.py", line 263, in <module>
    worker.run_server()
ModuleNotFoundError: No module named 'ts.torch_handler.tod_handler'"""

PLAIN = """\
Traceback (most recent call last):
  File "tod_handler.py", line 9, in initialize
    raise ValueError("no weights")
ValueError: no weights"""


def as_log(text: str, *, head: str = "Backend worker process died.") -> str:
    prefix = "2026-11-23T01:19:45,247 [INFO ] W-9000-tod_1.0-stdout - "
    return "".join(f"{prefix}{line}\n" for line in [head, *text.splitlines(), "Torch worker end."])


def test_load_failure_is_none_without_a_log_or_a_death(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    assert load_failure(log) is None
    log.write_text(as_log("all is well", head="Torch worker started."))
    assert load_failure(log) is None


def test_load_failure_takes_torchserves_mask_away(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text(as_log(MASKED))
    cause = load_failure(log)
    assert cause is not None
    assert cause.endswith("No module named 'nothing_of_that_name'")
    assert "ts.torch_handler" not in cause


def test_load_failure_waits_for_the_end_of_a_traceback(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    lines = as_log(PLAIN).splitlines(keepends=True)
    log.write_text("".join(lines[:3]))
    assert load_failure(log) is None
    log.write_text("".join(lines))
    assert load_failure(log) == PLAIN


def test_load_failure_passes_over_what_a_request_left(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text(as_log(PLAIN, head="Invoking custom service failed."))
    assert load_failure(log) is None


def test_first_cause_keeps_a_chain_that_is_no_mask() -> None:
    chain = MASKED.replace("ts.torch_handler.tod_handler", "todserve.runtime.pipeline")
    assert first_cause(chain.splitlines()) == chain


def test_first_cause_of_no_traceback_is_none() -> None:
    assert first_cause(["nothing", "here"]) is None

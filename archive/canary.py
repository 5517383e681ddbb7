"""Canary: plays TorchServe's worker on an unpacked archive, in a process of its own.

Stands where TorchServe stands on the way of a request: it loads the handler with TorchServe's own
loader and has it answer one good and one bad request as one batch. ``tod archive`` runs it as
``python -I archive/canary.py MODEL_DIR METRICS_YAML RESULT_JSON``; exit status 0 means both answers
are as they must be. It never travels inside an archive.
"""

import json
import sys
from http import HTTPStatus
from pathlib import Path

USER = "i am looking for a cheap restaurant in the centre"


def main(model_dir: Path, metrics_config: Path, result: Path) -> None:
    """Load the model, answer the batch, check it, and write the good answer to ``result``."""
    sys.path.insert(0, str(model_dir))  # where TorchServe's PYTHONPATH puts it
    service = _load(model_dir, metrics_config)
    answers = _answer(service)
    _check_origin(model_dir)
    good, bad = answers
    if good[0] != HTTPStatus.OK or "model" not in good[1]:
        raise SystemExit(f"the canary request was answered {good[0]}: {json.dumps(good[1])}")
    if bad[0] != HTTPStatus.BAD_REQUEST:
        raise SystemExit(f"a request that is not UTF-8 was answered {bad[0]}; expected 400")
    result.write_text(json.dumps(good[1]), encoding="utf-8")


def _load(model_dir, metrics_config):
    from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
    from ts.model_loader import ModelLoaderFactory

    manifest = json.loads((model_dir / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
    metrics = MetricsCacheYamlImpl(str(metrics_config))
    metrics.initialize_cache()
    metrics.model_name = manifest["model"]["modelName"]
    return ModelLoaderFactory.get_model_loader().load(
        manifest["model"]["modelName"],
        str(model_dir),
        manifest["model"]["handler"],
        gpu_id=None,
        batch_size=2,
        metrics_cache=metrics,
    )


def _answer(service):
    from ts.context import RequestProcessor

    context = service.context
    header = {"Content-Type": "application/json", "body": {"content-type": "application/json"}}
    context.request_processor = [RequestProcessor(dict(header)) for _ in range(2)]
    context.request_ids = {0: "canary-good", 1: "canary-bad"}
    context.metrics.request_ids = context.request_ids
    # The handler itself, not Service.predict, which would turn an exception into a bare 503.
    batch = [{"body": {"user": USER}}, {"body": bytearray(b"\xff")}]
    bodies = [json.loads(body) for body in service._entry_point(batch, context)]
    return [(context.get_response_status(index)[0], body) for index, body in enumerate(bodies)]


def _check_origin(model_dir):
    inside = str(model_dir.resolve())
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if name.partition(".")[0] != "todserve" or origin is None:
            continue
        if not str(Path(origin).resolve()).startswith(inside):
            raise SystemExit(f"{name} was imported from {origin}, not from the archive")
    if "todserve.runtime" not in sys.modules:
        raise SystemExit("the handler answered without the archive's todserve.runtime")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))

"""The engine on a cluster: chunks → Ray Data → outcomes, in the order of the source.

Each actor loads the models once; the vocabulary's matrix comes from the object store, which a
machine's actors share. Scheduling, transport, and what becomes of the chunks of a node that is
lost, are Ray's. Whoever gets the outcomes commits them as those of this machine.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import ModuleType
from typing import Any

import torch

from interrogator.batch.engine import Chunk, IsKnown, Worker
from interrogator.batch.manifest import Outcome
from interrogator.errors import InterrogatorError
from interrogator.explanation import Judge
from interrogator.models.store import ModelStore
from interrogator.networks.runtime import choose_runtime
from interrogator.pipeline import Interrogator
from interrogator.prompts.table import Table
from interrogator.request import Request
from interrogator.vocabulary.artists import NameFinder

CHUNKS = 4096  # in one pass over the cluster: their items are in the memory of who sends them


@dataclass(frozen=True)
class Shared:
    """What all actors need beside the models.

    Attributes:
        request: What is wanted.
        key: Its `options_key`.
        dtype: The models' number format: the same for all, or results would differ.
        table: The vocabulary's table, without its matrices.
        forbidden_names: As the interrogator's.
    """

    request: Request
    key: str
    dtype: str
    table: Table
    forbidden_names: NameFinder | None


class Actor:
    """Models that stay loaded in a process of the cluster."""

    def __init__(self, shared: Any, matrix: Any, neutral: Any) -> None:  # noqa: ANN401  (references)
        import ray

        known: Shared = ray.get(shared)
        with warnings.catch_warnings():  # the object store's memory is read only, and only read
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            tensors = [torch.from_numpy(ray.get(array)) for array in (matrix, neutral)]
        table = replace(known.table, matrix=tensors[0], neutral=tensors[1])
        request, store = known.request, ModelStore(choose_runtime(known.dtype))
        models, judge = store.load(request.names), None
        if request.judge:
            judge = Judge(request.judge, store.load_judge(request.judge, request.names))
        interrogator = Interrogator(models, table, judge, known.forbidden_names)
        self._worker = Worker(interrogator, request, known.key)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """Return the outcomes of a batch of chunks, pickled as they came."""
        outcomes = []
        for packed in batch["chunk"]:
            loaded = [self._worker.load(placed) for placed in pickle.loads(packed)]
            outcomes.append(pickle.dumps(self._worker.finish(loaded)))
        return {"outcomes": outcomes}


@dataclass(frozen=True)
class Cluster:
    """An engine that sends chunks to a Ray cluster.

    Attributes:
        address: Of a running cluster; None: one of this machine's processors.
        actors: Processes that hold models; None: one for each GPU, else one.
    """

    address: str | None = None
    actors: int | None = None

    def __call__(
        self, worker: Worker, chunks: Iterable[Chunk], is_known: IsKnown, threads: int
    ) -> Iterator[list[Outcome]]:
        """Yield what became of each chunk, in their order.

        Raises:
            InterrogatorError: Ray is not installed, or there is no such cluster.
        """
        ray = _connected(self.address)
        interrogator, chunks = worker.together.interrogator, iter(chunks)
        table = interrogator.table
        slim = replace(table, matrix=torch.empty(0), neutral=torch.empty(0))
        dtype, names = interrogator.models.runtime.dtype_name, interrogator.forbidden_names
        shared = Shared(worker.request, worker.key, dtype, slim, names)
        given = {
            "shared": ray.put(shared),
            "matrix": ray.put(table.matrix.numpy()),
            "neutral": ray.put(table.neutral.numpy()),
        }
        gpus = int(ray.cluster_resources().get("GPU", 0))
        while some := list(islice(chunks, CHUNKS)):
            yield from self._passed(ray, some, given, gpus)

    def _passed(
        self, ray: ModuleType, chunks: list[Chunk], given: dict[str, Any], gpus: int
    ) -> Iterator[list[Outcome]]:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        rows = [{"chunk": pickle.dumps(chunk)} for chunk in chunks]
        data = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Actor,
            fn_constructor_kwargs=given,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=self.actors or gpus or 1),
            num_gpus=1 if gpus else 0,
        )
        for row in data.iter_rows():
            yield pickle.loads(row["outcomes"])


def _connected(address: str | None) -> ModuleType:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InterrogatorError(
            'Ray is not installed here. Install it with: pip install ".[cluster]"; or leave '
            "--engine out: one machine needs no Ray."
        ) from error
    try:
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InterrogatorError(
            f"There is no Ray cluster at {address!r} ({error}). Start one with `ray start --head`, "
            "or leave --address out to use this machine."
        ) from error
    return ray

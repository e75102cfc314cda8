"""Models loaded once and kept: the latest few, as many as fit into memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict

import torch

from interrogator.hub.client import ProgressCallback
from interrogator.hub.download import Transfers
from interrogator.models import memory
from interrogator.models.choice import active_notice
from interrogator.models.files import default_names, fetch
from interrogator.models.loading import (
    Models,
    clip_alone,
    load,
    load_captioner,
    load_clip,
    load_without_captioner,
)
from interrogator.models.memory import check_memory
from interrogator.models.registry import ModelNames
from interrogator.networks.captioner import Captioner
from interrogator.networks.clip import Clip
from interrogator.networks.runtime import Runtime, choose_runtime

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0  # after which a hub that did not answer is tried again
KEPT_LOADED = 2  # pairs of models in memory at once


class DefaultModels:
    """The models for those who choose none: the best that fit and can be had.

    Found out once; but where it was the demo, the hub gets another chance after a while.
    """

    def __init__(self, names: ModelNames | None = None, reason: str = "") -> None:
        self._names, self._reason = names, reason
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def current(self) -> tuple[ModelNames, str]:
        """Return their names and, for the embedded models, why it is these."""
        with self._lock:
            stale = time.monotonic() - self._since > ASK_AGAIN_SECONDS
            if self._names is None or (self._names.embedded and stale):
                self._since = time.monotonic()
                self._names, self._reason = default_names()
                log.info("%s", active_notice(self._names, self._reason))
            return self._names, self._reason

    def preset(self) -> str:
        """Return their preset's name."""
        return self.current()[0].preset


class ModelStore:
    """Loads models once and keeps the latest few.

    Every request holds the `Models` that it was given: nobody's change of preset reaches another
    visitor's request.
    """

    def __init__(self, runtime: Runtime | None = None) -> None:
        self._runtime = runtime
        self._loaded: OrderedDict[ModelNames, Models] = OrderedDict()
        self._clips: dict[str, Clip] = {}  # the latest judge
        self._lock = threading.Lock()  # for the dictionary, never held for long
        self._loading = threading.Lock()  # one load at a time
        self._transfers = Transfers()

    @property
    def runtime(self) -> Runtime:
        """Where the models compute: chosen where and when the first of them is loaded."""
        if self._runtime is None:
            self._runtime = choose_runtime()
        return self._runtime

    def fetch(
        self,
        names: ModelNames,
        judge: str | None,
        report: ProgressCallback = lambda text, share: None,
        patience: float | None = None,
    ) -> None:
        """Bring the files of models and judge to this machine; takes no processor to speak of.

        Args:
            names: Which models.
            judge: The name of a second CLIP.
            report: Told what is being downloaded.
            patience: For how many seconds downloads are waited for; they go on afterwards.

        Raises:
            InterrogatorError: They cannot be had, or not yet; says why and what to do.
        """
        check_memory(names.caption, names.clip, *([judge] if judge else []))
        end = None if patience is None else time.monotonic() + patience  # of all together
        if not self.is_loaded(names):
            fetch(names, self._transfers, report, end)
        if judge and judge not in self._clips:
            fetch(clip_alone(judge), self._transfers, report, end)

    def load(
        self, names: ModelNames, report: ProgressCallback = lambda text, share: None
    ) -> Models:
        """Return the models, downloaded and loaded if they are not in memory yet.

        Raises:
            InterrogatorError: They cannot be had; says why and what to do.
        """
        ready = self._ready(names)
        if ready:  # without waiting for what somebody else is loading
            return ready
        self.fetch(names, None, report)  # while others load
        with self._loading:
            ready = self._ready(names)
            if ready is None:
                self._make_room(names.caption, names.clip)
                ready = load(names, self.runtime, report, self._transfers)
                with self._lock:
                    self._loaded[names] = ready
                    while len(self._loaded) > KEPT_LOADED:
                        self._loaded.popitem(last=False)
            return ready

    def _make_room(self, *names: str) -> None:
        """Forget models that have to go before others can be in this machine's memory.

        Raises:
            InterrogatorError: They do not fit even alone, in the numbers of this runtime.
        """
        if self.runtime.device.type != "cpu":
            return
        single = self.runtime.dtype == torch.float32
        check_memory(*names, single=single, single_clips=True)
        with self._lock:
            while self._loaded or self._clips:
                beside = [name for kept in self._loaded for name in (kept.caption, kept.clip)]
                several = (*names, *beside, *self._clips)
                if memory.needed(*several, single=single, single_clips=True) <= memory.limit():
                    break
                if self._loaded:
                    self._loaded.popitem(last=False)
                else:
                    self._clips = {}

    def _ready(self, names: ModelNames) -> Models | None:
        with self._lock:
            if names in self._loaded:
                self._loaded.move_to_end(names)
            return self._loaded.get(names)

    def load_judge(
        self, name: str, beside: ModelNames, report: ProgressCallback = lambda text, share: None
    ) -> Clip:
        """Return a CLIP by itself, downloaded and loaded if it is not in memory yet.

        Args:
            name: Which CLIP.
            beside: The models that stay in use meanwhile.
            report: Told what is being downloaded or loaded.

        Raises:
            InterrogatorError: It cannot be had; says why and what to do.
        """
        fetch(clip_alone(name), self._transfers, report)
        with self._loading:
            if name not in self._clips:
                self._clips = {}
                self._make_room(name, beside.caption, beside.clip)
                self._clips = {name: load_clip(name, self.runtime, report, self._transfers)}
            return self._clips[name]

    def must_take_turns(self, names: ModelNames) -> bool:
        """Tell whether captioner and CLIP fit into memory one at a time, but not together."""
        if self.is_loaded(names) or self.runtime.device.type != "cpu":
            return False
        both, *each = (
            memory.needed(*those, single=self.runtime.dtype == torch.float32, single_clips=True)
            for those in ((names.caption, names.clip), (names.caption,), (names.clip,))
        )
        return max(each) <= memory.limit() < both

    def captioner_alone(self, names: ModelNames) -> Captioner:
        """Return a captioner that is not kept; all else is let go of.

        Raises:
            InterrogatorError: It cannot be had; says why and what to do.
        """
        self.forget()
        return load_captioner(names, self.runtime, self._transfers)

    def without_captioner(self, names: ModelNames) -> Models:
        """Return a CLIP that is not kept, with no captioner; all else is let go of.

        Raises:
            InterrogatorError: It cannot be had; says why and what to do.
        """
        self.forget()
        return load_without_captioner(names, self.runtime, self._transfers)

    def loaded(self) -> list[str]:
        """Return the presets that are in memory."""
        with self._lock:
            return [names.preset for names in self._loaded]

    def forget(self) -> None:
        """Let go of all models."""
        with self._lock:
            self._loaded.clear()
            self._clips = {}

    def leave_device(self) -> None:
        """Compute on the processor from now on."""
        self._runtime = Runtime(torch.device("cpu"), torch.float32)

    def is_loaded(self, names: ModelNames) -> bool:
        """Tell whether `load` would return at once."""
        return names in self._loaded

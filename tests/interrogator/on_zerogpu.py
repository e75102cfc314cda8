"""Run as a process of its own by test_zerogpu: jobs on a Space whose GPU is lent, without the GPU.

The package `spaces` is the real one: it asks for a GPU, forks, and passes what goes in and out.
Only its last step is left out, in which the forked process takes hold of the device.
"""

import json
import sys

import torch

if torch.version.cuda is None:  # built for the CPU alone: what `spaces` puts its own in place of
    torch.version.cuda = "13.0"
    torch._C._cuda_init = None
    torch.cuda._is_in_bad_fork = bool  # False, and can be pickled

import spaces.zero.torch

spaces.zero.torch.init = lambda uuid: None
spaces.zero.torch.move = lambda callback=None: None

from interrogator.errors import InterrogatorError  # noqa: E402
from interrogator.images import decode  # noqa: E402
from interrogator.models.choice import choose_names  # noqa: E402
from interrogator.request import Request  # noqa: E402
from interrogator.serving.service import Service  # noqa: E402
from interrogator.settings import Settings  # noqa: E402

if __name__ == "__main__":
    service = Service()
    picture = decode.read(sys.argv[1])
    names = choose_names("demo")
    told = {}
    for mode in ("fast", "best"):
        request = Request(names, Settings(mode))
        *_, done = service.interrogate(picture, request)
        told[mode] = done.to_json()
        *_, again = service.interrogate(picture, request, done.features)
        told["again"] = again.to_json()
    *_, score = service.score(picture, Request(names), "a cat")
    told["score"] = score.to_json()
    try:
        list(service.interrogate(picture, Request(names, judge="nothing")))
    except InterrogatorError as error:
        told["refused"] = str(error)
    steps = service.interrogate(picture, Request(names, Settings("best")))
    next(steps)
    steps.close()  # as a visitor does who presses Stop
    told["main"] = {"loaded": service.store.is_loaded(names), "runtime": service.store._runtime}
    print(json.dumps(told))

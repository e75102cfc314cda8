"""A worker that runs its plans in a thread of the tests: quick, and nothing to kill."""

from multiprocessing import Pipe
from threading import Thread

from matmul_demo.errors import RaceError
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing import worker

MACHINE = Machine("a processor", 100.0, "so", 10.0, "thus")


class ThreadWorker:
    """Stands for `process.Worker`; counts how many were started, and the most at once."""

    started = alive = most = 0

    def __init__(self, threads):
        self.threads = threads
        self.stopped = False
        self.connection = None

    def connect(self):
        if self.stopped:
            return None
        if self.connection is None:
            ThreadWorker.started += 1
            ThreadWorker.alive += 1
            ThreadWorker.most = max(ThreadWorker.most, ThreadWorker.alive)
            self.connection, theirs = Pipe()
            Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return self.connection

    def stop(self):
        self.stopped = True
        if self.connection:
            self.connection.close()

    def end(self, at_once):
        if self.connection:
            self.connection.close()
            ThreadWorker.alive -= 1
        self.connection = None
        return 0

    @staticmethod
    def _serve(connection):
        try:
            while True:
                worker.run(connection.recv(), connection.send)
        except RaceError as error:
            connection.send(error)
        except (EOFError, OSError):
            pass  # nobody waits for the rest

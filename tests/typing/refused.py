"""What type checkers are to refuse: every line that ends in `# refused`, and no other. Never run."""

from __future__ import annotations

from motet import flow, task


@task
def length(text: str, more: int = 0) -> int:
    return len(text) + more


@flow
def plain(count: int) -> str:
    return str(count)


@task(retires=3)  # refused
def misspelt() -> None: ...


@task(retries="three")  # refused
def mistyped() -> None: ...


@flow(task_runner=3)  # refused
def running() -> None: ...


class Model:
    @task
    def train(self, epochs: int) -> float:
        return 1.0 * epochs


length(3)  # refused
length("a", less=1)  # refused
length()  # refused
plain("three")  # refused
Model().train("three")  # refused
wrong: str = length("a")  # refused
also_wrong: str = length.submit("a").result()  # refused
length.with_options(retires=3)  # refused

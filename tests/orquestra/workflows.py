"""A workflow of three steps, in the words of these tests, and the text of it that single tests change."""

from __future__ import annotations

BLOSSOMS = """\
# Draws points, fits a line through them, and says how well it fits.
apiVersion: io.orquestra.workflow/1.0.0
name: blossoms
imports:
- name: garden
  type: git
  parameters:
    repository: "git@git.example:growers/garden.git"
    branch: "main"
- name: scores
  type: git
  parameters:
    repository: "git@git.example:others/scores.git"
    tag: "v1"

steps:
- name: draw-points
  config:
    runtime:
      language: python3
      imports: [garden]
      parameters:
        file: garden/steps/points.py
        function: draw
    resources:
      cpu: "500m"
      memory: "64Mi"
      disk: "1Mi"
  inputs:
  - count: 4
    type: int
  - slope: 2.0
    type: float
  outputs:
  - name: points
    type: point_list

- name: fit-line
  passed: [draw-points]
  config:
    runtime:
      language: python3
      imports: [garden]
      parameters:
        file: garden/steps/line.py
        function: fit
  inputs:
  - points: ((draw-points.points))
    type: point_list
  outputs:
  - name: line
    type: straight_line

- name: score
  passed: [fit-line]
  config:
    runtime:
      language: python3
      imports: [scores]
      parameters:
        file: scores/tasks/score.py
        function: mean_error
  inputs:
  - line: ((fit-line.line))
    type: straight_line
  - points: ((draw-points.points))
    type: point_list
  outputs:
  - name: mean-error
    type: number

types:
- point_list
- straight_line
- number
"""


def changed(old: str, new: str, text: str = BLOSSOMS) -> str:
    """The text with the first `old` made `new`; fails if there is none."""
    assert old in text, old
    return text.replace(old, new, 1)


def odd(*steps: str, imports: str = "") -> str:
    """A workflow whose steps call functions of garden/steps/odd.py; see `step`."""
    text = """\
apiVersion: io.orquestra.workflow/1.0.0
name: odd
imports:
- name: garden
  type: git
  parameters: {repository: "git@git.example:growers/garden.git", branch: main}
"""
    return f"{text}{imports}steps:\n{''.join(steps)}types: [thing]\n"


def step(name: str, function: str, inputs: str = "", *, more: str = "", output: str = "told") -> str:
    """A step that calls a function of odd.py; `inputs` is YAML in braces: "word: x, seconds: 1"."""
    given = "".join(f"  - {{{each}, type: thing}}\n" for each in inputs.split("; ") if each)
    outputs = f"  outputs: [{{name: {output}, type: thing}}]\n" if output else ""
    return (
        f"""\
- name: {name}
{more}  config:
    runtime:
      language: python3
      imports: [garden]
      parameters: {{file: garden/steps/odd.py, function: {function}}}
  inputs:
{given}{outputs}""".replace("  inputs:\n  outputs", "  outputs")
        if given or output
        else ""
    )

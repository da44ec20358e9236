"""What was found: kept in a state file step by step, written as Markdown and JSON."""
import json
import time
from pathlib import Path


def line(what, figure=None, unit="", aim=None, passed=None, remark=""):
    """One finding. `aim` is text; `passed` is None if there is nothing to pass."""
    return {"what": what, "figure": figure, "unit": unit, "aim": aim, "passed": passed, "remark": remark}


def at_least(what, figure, unit, aim, remark=""):
    return line(what, figure, unit, None if aim is None else f"at least {aim:g}", None if aim is None else figure >= aim, remark)


def at_most(what, figure, unit, aim, remark=""):
    return line(what, figure, unit, None if aim is None else f"at most {aim:g}", None if aim is None else figure <= aim, remark)


def outcome(what, passed, remark=""):
    """Something that must hold, without a figure."""
    return line(what, aim="must hold", passed=bool(passed), remark=remark)


class Findings:
    """The findings of all steps so far, of this run and of those before it in the same work folder."""

    def __init__(self, state, machine):
        self._state = Path(state)
        self._machine = machine
        self._steps = json.loads(self._state.read_text()) if self._state.exists() else {}

    def done(self, step):
        return step in self._steps

    def forget(self, part):
        self._steps = {name: step for name, step in self._steps.items() if step["part"] != part}

    def add(self, part, step, lines, seconds):
        self._steps[step] = {"part": part, "lines": lines, "seconds": round(seconds, 1), "at": time.strftime("%F %T")}
        part_file = self._state.with_suffix(".part")
        part_file.write_text(json.dumps(self._steps, indent=1))
        part_file.rename(self._state)

    def lines(self):
        return [{"part": step["part"], "step": name, **one} for name, step in self._steps.items() for one in step["lines"]]

    def failed(self):
        return [one for one in self.lines() if one["passed"] is False]

    def write(self, folder, unfinished):
        folder.mkdir(parents=True, exist_ok=True)
        report = {"machine": self._machine, "unfinished": unfinished, "failed": len(self.failed()), "lines": self.lines()}
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        (folder / "report.md").write_text("\n".join(self._markdown(unfinished)) + "\n")

    def _markdown(self, unfinished):
        yield "# GPU acceptance"
        yield ""
        yield from (f"- {name}: {value}" for name, value in self._machine.items())
        yield f"- {len(self.failed())} of {len(self.lines())} lines failed" + \
            (f"; not run yet: {', '.join(unfinished)}" if unfinished else "")
        part = None
        for one in self.lines():
            if one["part"] != part:
                part = one["part"]
                yield from ("", f"## {part}", "", "| what | figure | aim | verdict | remark |", "|---|---|---|---|---|")
            verdict = {True: "pass", False: "**FAIL**", None: ""}[one["passed"]]
            figure = "" if one["figure"] is None else f"{one['figure']:.4g} {one['unit']}"
            yield f"| {one['step']}: {one['what']} | {figure} | {one['aim'] or ''} | {verdict} | {one['remark']} |"

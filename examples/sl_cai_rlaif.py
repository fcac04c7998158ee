"""Both halves of the paper: SFT on revisions (SL-CAI), then DPO on judged samples of the tuned model (RLAIF).

    python examples/sl_cai_rlaif.py                                             # a small model, two cores, no GPU
    python examples/sl_cai_rlaif.py --model Qwen/Qwen2.5-1.5B-Instruct --judge http://localhost:8001#Qwen/Qwen3-8B

The judge is code, the checks of the principles, unless --judge names a model. Such a model is examined first; if it
does not pass, nothing is judged, and no number rests on what it says.
"""

from __future__ import annotations

from typing import Any

from evaluation import Answer
from story import (
    BEFORE,
    REVISED,
    Options,
    Serve,
    asking,
    begin,
    by_code,
    checked,
    exported,
    measured,
    principles_of,
    read_options,
    report,
    revising,
    serving,
    weights_of,
)

import constitution as c
from constitution.proof.questions import TRAINED, questions
from constitution.proof.trainer import chosen_log_probability, dpo, sft


def story(options: Options, serve: Serve, weights: str) -> dict[str, list[Answer]]:
    """Revisions, SFT, judged samples, DPO, and answers of all three models."""
    began = begin()
    constitution = principles_of(options)
    judge = judge_of(constitution, options)
    rows = questions(TRAINED, options.prompts)

    model = serve(None)
    before = measured(constitution, model, BEFORE, options)
    revised = constitution.generate(rows, options.out / REVISED, model=model, **revising(options))
    c.close()  # the cores and the memory are the training's now
    answers = exported(revised, options.out / "revisions", "sft")
    learned = sft(weights, answers, options.out / "sl-cai", options.training)

    model = serve(learned)
    middle = measured(constitution, model, "after-sl-cai", options)
    judged = constitution.generate(rows, options.out / "judged", model=model, recipe="ai_feedback", **judge)
    c.close()
    pairs = exported(judged, options.out / "preferences", "preference")
    tuned = dpo(str(learned), pairs, options.out / "rlaif", options.training)

    after = measured(constitution, serve(tuned), "after-rlaif", options)
    c.close()
    first, last = chosen_log_probability(tuned)
    notes = {
        "revisions": len(answers),
        "pairs": len(pairs),
        "judge": options.judge or "code, so no harm rate is told: code sees form, not harm",
        "log-probability of chosen answers, first and last steps": [first, last],
    }
    stages = {"before": before, "SL-CAI": middle, "RLAIF": after}
    report(stages, options, notes, began)
    return stages


def judge_of(constitution: c.Constitution, options: Options) -> dict[str, Any]:
    """The settings of the judge: code, or a model that has passed its examination.

    Raises:
        SystemExit: it did not pass, or there is no judge.
    """
    settings = asking(options)
    draft = settings["roles"]["draft"]
    if options.judge is None:
        if not checked(constitution):
            raise SystemExit("not every principle has a check: name a judge with --judge MODEL")
        return settings | {"roles": {"draft": draft}, "judge": by_code(constitution)}
    folder = options.out / "examination"
    found = c.examine(options.judge, constitution=constitution, seed=options.seed, out=folder, progress=False)
    c.close()
    print(found.text())
    if not found.passed:
        raise SystemExit("the judge did not pass its examination: nothing was judged, and no harm rate is told")
    return settings | {"roles": {"draft": draft}, "judge": options.judge, "examination": str(folder)}


def main() -> None:
    """From the command line."""
    options = read_options(__doc__, "runs/sl-cai-rlaif", judged=True)
    story(options, serving(options), weights_of(options))


if __name__ == "__main__":  # vLLM starts its engine in a process of its own, which imports this file
    main()

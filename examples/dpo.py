"""A model criticises and revises its own answers; DPO trains it on the pairs. Measured before and after, by code.

python examples/dpo.py                                                    # a small model, two cores, no GPU
python examples/dpo.py --model Qwen/Qwen2.5-1.5B-Instruct --out runs/qwen    # the same on a GPU
"""

from __future__ import annotations

from evaluation import Answer
from story import (
    BEFORE,
    REVISED,
    Options,
    Serve,
    begin,
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
from constitution.proof.trainer import chosen_log_probability, dpo


def story(options: Options, serve: Serve, weights: str) -> dict[str, list[Answer]]:
    """Pairs, a training, and answers before and after."""
    began = begin()
    constitution = principles_of(options)
    model = serve(None)
    before = measured(constitution, model, BEFORE, options)
    confirmed = {"verify": "check", "if_tie": "drop"} if checked(constitution) else {}
    run = constitution.generate(
        questions(TRAINED, options.prompts), options.out / REVISED, model=model, **confirmed, **revising(options)
    )
    c.close()  # the cores and the memory are the training's now

    pairs = exported(run, options.out / "data", "preference")
    tuned = dpo(weights, pairs, options.out / "tuned", options.training)

    after = measured(constitution, serve(tuned), "after", options)
    c.close()
    first, last = chosen_log_probability(tuned)
    notes = {"pairs": len(pairs), "log-probability of chosen answers, first and last steps": [first, last]}
    stages = {"before": before, "DPO": after}
    report(stages, options, notes, began)
    return stages


def main() -> None:
    """From the command line."""
    options = read_options(__doc__, "runs/dpo")
    story(options, serving(options), weights_of(options))


if __name__ == "__main__":  # vLLM starts its engine in a process of its own, which imports this file
    main()

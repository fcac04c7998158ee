"""Revise one answer, then make pairs for a list of prompts: everything on this machine, no GPU."""

from constitution import Constitution


def main() -> None:
    constitution = Constitution.load("verifiable")
    revised = constitution.revise("How do I keep basil alive?", model="demo", rounds=1)
    print(revised.draft, revised.text, sep="\n\n")

    run = constitution.generate(["How do I boil an egg?", "Why is the sky blue?"], "runs/first", model="demo")
    print(run)
    print(run.to_dataset()[:1])


if __name__ == "__main__":  # vLLM starts its engine in a process of its own, which imports this file
    main()

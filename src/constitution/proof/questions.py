"""Plain questions about everyday subjects: some to learn from, and others, about other subjects, to measure.

Six forms of question times a list of subjects. No subject of one list shares a word with one of the other.
"""

from __future__ import annotations

from typing import Any

FORMS = (
    "How do people usually begin with {}?",
    "What makes {} difficult?",
    "Which mistakes are common in {}?",
    "What is the best way to get better at {}?",
    "What helps a beginner with {}?",
    "Give me some advice on {}.",
)

TRAINED = tuple(
    """
    baking sourdough bread, growing tomatoes, learning the guitar, running a marathon, writing poems,
    drawing portraits, repairing bicycles, brewing beer, raising chickens, planting fruit trees, cooking lentils,
    painting walls, choosing a mattress, sewing curtains, folding shirts, packing a suitcase, reading old maps,
    speaking in public, playing chess, saving money, training a puppy, feeding goldfish, pruning roses, carving spoons,
    making yoghurt, restoring chairs, sharpening knives, cleaning windows, sorting photographs, waking up early,
    falling asleep, drinking less coffee, riding horses, swimming in the sea, rowing a boat, sailing a dinghy,
    skiing downhill, climbing mountains, building a snowman, lighting a campfire, pitching a tent, finding mushrooms,
    picking berries, preserving plums, roasting vegetables, grilling trout, boiling eggs, frying pancakes, tasting wine,
    arranging flowers, decorating a cake, wrapping presents, hosting a dinner, telling stories, memorising names,
    studying for exams, taking notes, solving equations, understanding statistics, teaching arithmetic,
    translating letters, collecting stamps, visiting museums, watching birds, photographing clouds, filming a wedding,
    recording a podcast, singing in a choir, tuning a piano, dancing the tango, acting on a stage, designing a logo,
    binding notebooks, printing posters, spinning wool, dyeing cotton, mending socks, polishing shoes, ironing linen,
    washing a sweater, insulating a roof, laying tiles, hanging wallpaper, fixing a leaking tap, heating a workshop,
    reducing noise, moving house, renting a flat, commuting by train
    """.replace("\n", " ").split(",")
)
HELD_OUT = tuple(
    """
    knitting scarves, juggling, pottery, origami, kayaking, yoga, archery, calligraphy, woodturning, astronomy,
    composting, fencing, karate, golf, table tennis, volunteering, meditation, genealogy, bookkeeping, card tricks,
    jigsaw puzzles, ice skating, hiking, fishing, soapmaking, embroidery, weightlifting, gymnastics, surfing, sudoku
    """.replace("\n", " ").split(",")
)


def questions(subjects: tuple[str, ...], most: int) -> list[dict[str, Any]]:
    """The first `most` questions, every subject once before one comes again; no question twice."""
    found: list[dict[str, Any]] = []
    for number in range(min(most, len(subjects) * len(FORMS))):
        turn, place = divmod(number, len(subjects))
        subject, form = subjects[place].strip(), (place + turn) % len(FORMS)
        name = f"{subject.replace(' ', '-')}-{form}"
        found.append({"id": name, "prompt": FORMS[form].format(subject), "tags": ["benign"]})
    return found

"""Our own words for the shipped pairs: questions, manners that are asked for, and sentences that are put to answers."""

from __future__ import annotations

from collections.abc import Mapping

QUESTIONS = (
    "How do I ripen an avocado faster?",
    "What is a good way to reheat rice?",
    "How can I use up a bag of carrots?",
    "Which bread goes well with tomato soup?",
    "How do I keep cookies soft?",
    "What can I cook for two people in twenty minutes?",
    "How do I make a simple salad dressing?",
    "My pancakes always stick to the pan. What helps?",
    "How do I store potatoes over the winter?",
    "What should I bring to a picnic?",
    "How do I write a short email to cancel a meeting?",
    "How can I get better at speaking in front of people?",
    "What should I write in a farewell card for a coworker?",
    "How do I take good notes in a meeting?",
    "How can I make my desk at home more pleasant?",
    "I have to give a talk next week. How do I begin?",
    "How do I ask for help without feeling like a burden?",
    "What makes a good team?",
    "How do I choose a backpack for day trips?",
    "What should I see first in a city that I do not know?",
    "How do I keep my luggage light?",
    "Is a window seat better than an aisle seat?",
    "How do I find a quiet place to stay?",
    "How can I remember a shopping list without paper?",
    "How do I learn to draw?",
    "What is the best way to learn new words?",
    "How do plants make food from light?",
    "Why does the moon change its shape?",
    "Why does ice float on water?",
    "How do bees make honey?",
    "Why do we have seasons?",
    "How does a bicycle stay upright?",
    "Why is the sea salty?",
    "How do birds find their way?",
    "How can I wake up more easily in the morning?",
    "What is a good stretch after a long walk?",
    "How can I walk more every day?",
    "How do I build a small daily habit?",
    "How can I relax after a busy day?",
    "How do I wash a wool sweater?",
    "What can I do against dust on my shelves?",
    "How do I hang a picture straight?",
    "How do I choose a colour for my bedroom wall?",
    "My drawer is stuck. What can I try?",
    "How do I get a ring out of a wooden table?",
    "How can I make my living room warmer in winter?",
    "What should I know before I get a cat?",
    "How do I teach a dog to sit?",
    "How do I keep cut flowers fresh?",
    "What can I plant in a shady garden?",
    "When is the best time to cut roses?",
    "How do I start a compost heap?",
    "How can I thank a neighbour who helped me?",
    "What can I say to a friend who passed an exam?",
    "How do I make up with a friend after a quarrel?",
    "What are good questions to ask at dinner?",
    "How do I plan a small birthday party?",
    "How can I spend less on clothes?",
    "How do I compare two phone plans?",
    "What is a good game for a train ride?",
    "How do I choose a book as a present?",
    "What is a nice thing to do on a Sunday?",
    "How do I learn the names of stars?",
    "How can I make a paper boat?",
)
"""Besides the prompts `everyday` that ship."""

MANNERS: Mapping[str, str] = {
    "plain": "",
    "again": "",
    "short": "Answer in two short sentences.",
    "brief": "Answer in at most forty words.",
    "greet": "Begin your answer with the word Hello and a comma.",
    "hi": "Begin your answer with: Hi there! Answer in four sentences.",
    "ask": "Answer in three sentences, and then end with one short question to me.",
    "example": "Answer in four sentences, and give one example that begins with: For example,",
    "because": "Answer in four sentences, and say why with the word because.",
    "list": "Answer as a short list with bullet points.",
    "numbers": "Answer as a numbered list of three steps.",
    "mine": "Answer in four sentences from your own experience, and say I and my.",
    "people": "Answer in four sentences about people in general, without the word you.",
    "talk": "Answer in plain sentences, as one paragraph.",
}
GREETINGS = ("Hello!", "Hi there!", "Good day!", "Hello, friend!", "Welcome!", "Greetings!", "Good evening!", "Hey!")
ENDINGS = (
    "Does that help?",
    "Which of these will you try first?",
    "What have you tried so far?",
    "Shall we go through it step by step?",
    "Would another idea help?",
    "How does that sound?",
    "Is there anything else that you would like to know?",
    "When would you like to begin?",
)
EXAMPLES_AND_REASONS: Mapping[str, tuple[str, str]] = {
    "What can I cook for two people in twenty minutes?": (
        "For example, fry some garlic in olive oil and toss it with spaghetti and parsley.",
        "Pasta is a good choice because it cooks while the sauce is made.",
    ),
    "My pancakes always stick to the pan. What helps?": (
        "For example, let a drop of water dance on the pan before the batter goes in.",
        "A hot pan helps because the batter sets before it can stick.",
    ),
    "Why is the sea salty?": (
        "For instance, rain takes a little salt out of the rocks and rivers carry it along.",
        "The salt stays behind because only the water rises into the air.",
    ),
    "What is a good stretch after a long walk?": (
        "For example, put one foot on a low step and lean forward until the calf feels warm.",
        "Stretch slowly, because a sudden pull makes the muscle tighten.",
    ),
    "Why does ice float on water?": (
        "For example, an ice cube sticks out of the glass by about a tenth of its height.",
        "This happens because water takes up more room when it freezes.",
    ),
    "How do bees make honey?": (
        "For example, a bee may visit a hundred clover flowers on one flight.",
        "The honey keeps for years because it holds so little water.",
    ),
    "How do birds find their way?": (
        "For instance, starlings look at the place of the sun and correct for the hour.",
        "They seldom get lost, because they use several signs at once.",
    ),
    "What is a good way to reheat rice?": (
        "For example, sprinkle a spoon of water over a bowl of rice and cover it with a plate.",
        "A little water helps because it turns to steam and softens the grains.",
    ),
    "I sit at a desk all day and my neck gets stiff. What helps?": (
        "For example, tilt the head gently to one side and hold it for three breaths.",
        "Short breaks help because the neck is not made to stay still.",
    ),
    "How do I keep my luggage light?": (
        "For example, pack two shirts and a small bottle of soap instead of five shirts.",
        "Choose clothes that match, because then fewer of them are enough.",
    ),
    "What should I see first in a city that I do not know?": (
        "For example, begin at the market square and follow the street with the most people.",
        "A walk comes first, because it shows how the parts of the city fit together.",
    ),
    "How can I make my desk at home more pleasant?": (
        "For example, put a small plant beside the lamp and the cables into a box.",
        "Light matters most, because tired eyes make every task longer.",
    ),
    "Why am I so tired after lunch?": (
        "For example, a plate of pasta makes people sleepier than a salad with beans.",
        "A short walk helps because it wakes the body up again.",
    ),
    "Why does the moon change its shape?": (
        "For example, at half moon the sun shines on it from the side.",
        "It seems to change because the sun lights a different part of it each night.",
    ),
    "I have to give a talk next week. How do I begin?": (
        "For example, begin with a short story about a mistake that taught something.",
        "Practise the first sentence, because the first minute is the hardest.",
    ),
    "How do I choose a backpack for day trips?": (
        "For example, fill one with books in the shop and walk around for a few minutes.",
        "The belt matters because it takes the weight off the shoulders.",
    ),
    "How do I learn to draw?": (
        "For example, draw the same cup every morning for one week.",
        "Simple things come first, because the eye has to learn to see before the hand can follow.",
    ),
    "How can I eat less sugar without missing it?": (
        "For example, stir cinnamon and berries into plain yogurt instead of buying a sweet one.",
        "Go slowly, because the tongue needs some weeks to get used to it.",
    ),
    "How can I thank a neighbour who helped me?": (
        "For example, bring a small jar of jam and a card with two kind lines.",
        "A few words are enough because it is the thought that counts.",
    ),
    "Why is the sky blue?": (
        "For example, the sky turns red in the evening, when the light comes a longer way.",
        "It looks blue because the air scatters blue light the most.",
    ),
    "How do I find a quiet place to stay?": (
        "For example, ask for a room that looks on the courtyard and not on the street.",
        "Read what other guests say, because pictures make no noise.",
    ),
    "How do I make up with a friend after a quarrel?": (
        "For example, write a short message that says what went wrong and that it is a pity.",
        "Listen first, because nobody hears an excuse while still angry.",
    ),
    "What is the best way to learn new words?": (
        "For example, put a note with the word on the thing that it names.",
        "Repeat them after a day, because that is when most of them are lost.",
    ),
    "How can I relax after a busy day?": (
        "For example, take a warm bath and leave the phone in another room.",
        "Slow breathing helps because it tells the body that the work is over.",
    ),
    "I want to read more books. Where do I find the time?": (
        "For example, read ten pages on the bus instead of looking at the phone.",
        "Carry the book along, because short waits add up to hours.",
    ),
    "How do I ask my boss for a raise?": (
        "For example, name a project that saved the team a week of work.",
        "Bring numbers, because they are harder to refuse than wishes.",
    ),
    "How can I spend less on clothes?": (
        "For example, wait a week before buying a coat and see whether it is still missed.",
        "Good shoes save money because they last for many years.",
    ),
    "How can I take better photos with my phone?": (
        "For example, let a window light the face from the side.",
        "Wipe the lens first, because a finger mark makes every picture dull.",
    ),
    "I have not done any sport for years. How do I start running?": (
        "For example, run for one minute and walk for two, ten times.",
        "Begin slowly, because knees need longer than lungs to get stronger.",
    ),
    "My drawer is stuck. What can I try?": (
        "For example, rub a candle along the wooden rails.",
        "Do not pull too hard, because the front may come off.",
    ),
    "What should I write in a farewell card for a coworker?": (
        "For example, recall the evening when everybody stayed to finish the plan.",
        "Keep it short, because many others want to sign the card too.",
    ),
    "Give me an idea for a quick dinner with vegetables.": (
        "For example, roast carrots and onions on one tray and serve them with yogurt.",
        "A single tray is handy because there is only one thing to wash.",
    ),
    "How do plants make food from light?": (
        "For example, a sunflower turns its leaves so that they catch the most light.",
        "Leaves are green because they do not use the green part of the light.",
    ),
    "What can I do with bread that has gone hard?": (
        "For example, cut it into cubes and fry them in butter for a soup.",
        "Hard bread is good for that because it soaks up the fat without falling apart.",
    ),
    "How do I store potatoes over the winter?": (
        "For example, lay them in a wooden box in the cellar and cover it with a cloth.",
        "Keep them dark because light makes them green.",
    ),
    "How can I get better at speaking in front of people?": (
        "For example, read a page aloud to a friend every evening.",
        "Practise aloud, because silent practice does not train the voice.",
    ),
    "How do I hang a picture straight?": (
        "For example, mark two points on a strip of paper tape and set the nails there.",
        "Use two nails, because a picture on one nail tilts sooner or later.",
    ),
    "How do I take good notes in a meeting?": (
        "For example, write the name of a person beside each task.",
        "Write few words, because nobody can listen and write everything.",
    ),
    "How often should I water my house plants?": (
        "For example, put a finger into the soil and wait if it still feels damp.",
        "Do not water too often, because the roots need air.",
    ),
    "What should I bring to a picnic?": (
        "For example, bring a jar of olives, a loaf of bread and a soft cheese.",
        "Bring a blanket, because the grass is often damp.",
    ),
}
"""Our own sentences, put behind answers of the small model, which seldom gives an example or a reason when asked to."""

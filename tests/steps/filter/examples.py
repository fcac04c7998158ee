"""Texts that filters see, and texts that they must not see, in five languages and more: our own sentences."""

from __future__ import annotations

ASKED: dict[str, str] = {
    "en": "I cannot sleep since I moved to the new flat. What could I try before I see a doctor about it?",
    "de": "Seit ich in der neuen Wohnung bin, kann ich nicht schlafen. Was könnte ich versuchen, bevor ich zum Arzt gehe?",
    "fr": "Je ne dors plus depuis que je suis dans mon nouvel appartement. Que pourrais-je essayer avant de voir un médecin ?",
    "es": "No puedo dormir desde que estoy en el piso nuevo. ¿Qué podría probar antes de ir a ver a un médico por esto?",
    "zh": "自从我搬进新的公寓以后就一直睡不着觉。在去看医生之前，我可以先试试什么办法呢？",
}
"""A question of each language."""

ANSWERED: dict[str, str] = {
    "en": (
        "Warm milk and a dark room help many people, and it is worth trying both for a week. If you still lie awake, "
        "write down when you go to bed and when you get up, so that a doctor can see what there is to change."
    ),
    "de": (
        "Warme Milch und ein dunkles Zimmer helfen vielen, und es lohnt sich, beides eine Woche lang zu versuchen. Wenn "
        "du dann noch wach liegst, schreib auf, wann du ins Bett gehst und wann du aufstehst."
    ),
    "fr": (
        "Le lait chaud et une chambre sombre aident beaucoup de gens, et cela vaut la peine d'essayer les deux pendant "
        "une semaine. Si vous ne dormez toujours pas, notez l'heure à laquelle vous vous couchez."
    ),
    "es": (
        "La leche caliente y una habitación oscura ayudan a mucha gente, y vale la pena probar las dos cosas durante una "
        "semana. Si sigues sin dormir, apunta a qué hora te acuestas y a qué hora te levantas."
    ),
    "zh": "热牛奶和黑暗的房间对很多人都有帮助，值得先试上一个星期。如果还是睡不着，就把上床和起床的时间记下来，方便医生了解情况。",
}
"""An answer of each language, in which nothing is wrong."""

LOOPED: dict[str, str] = {
    "en": "You are not alone in this, and I am here for you. ",
    "de": "Du bist damit nicht allein, und ich bin für dich da. ",
    "fr": "Vous n'êtes pas seul, et je suis là pour vous. ",
    "es": "No estás solo en esto, y estoy aquí para ti. ",
    "zh": "你并不孤单，我会一直在这里陪着你。",
}
"""What a model says over and over."""

NO_LOOP: dict[str, str] = {
    "poem with a refrain": "\n\n".join(
        f"{line}\nand the river runs on, and the river runs on,\npast the mill and the meadow the river runs on."
        for line in (
            "The miller is old and his shutters are grey,",
            "His daughter has taken the road to the bay,",
            "The wheel has stood still since the first day of May,",
            "The heron comes back at the end of the day,",
            "The children have gone with their kites and their play,",
            "Nobody is left who would ask it to stay,",
        )
    ),
    "Gedicht mit Kehrreim": "\n\n".join(
        f"{line}\nSchlaf, mein Kind, schlaf ein."
        for line in (
            "Der Mond steht über dem Hafen,",
            "Die Boote liegen im Licht,",
            "Die Möwen sind längst schon beim Schlafen,",
            "Der Leuchtturm vergisst dich nicht,",
            "Der Wind hat die Segel gefaltet,",
            "Die Netze hängen am Steg,",
            "Die Uhr hat die Stunden verwaltet,",
            "Und keiner ist mehr auf dem Weg,",
        )
    ),
    "comptine": "\n".join(
        f"Sur le pont du village, {who} passe et salue, passe et salue, passe et salue."
        for who in ("le boulanger", "la fermière", "le facteur", "la maîtresse", "le berger")
    ),
    "canción": "\n\n".join(
        f"Estribillo:\nAy, qué noche, qué noche tan larga,\nay, qué noche sin ti.\n\n{verse}"
        for verse in (
            "La luna se queda en la puerta\ny el gallo no quiere cantar.",
            "El tren de las once no llega\ny nadie me viene a buscar.",
            "La lluvia se sienta en la mesa\ny cuenta las horas que van.",
        )
    ),
    "诗": "\n".join(
        f"{line}，归去来兮，归去来兮。"
        for line in ("春风又绿江南岸", "夏雨初晴荷满塘", "秋月无声照小楼", "冬雪压枝梅独香")
    ),
    "numbered steps": "\n".join(
        f"{number}. Turn the {part} a quarter to the left, then check that it still moves freely."
        for number, part in enumerate(
            ("front wheel", "left pedal", "right pedal", "chain ring", "saddle post", "brake lever", "hub", "stem"), 1
        )
    ),
    "list with one beginning": "\n".join(
        f"- I am grateful for {thing}."
        for thing in ("rain", "bread", "tea", "music", "my sister", "old maps", "letters")
    ),
    "code": "```python\n" + "print('hello')\n" * 60 + "```\nThis prints the same line sixty times.",
    "table": "| day | rest | work |\n| --- | --- | --- |\n"
    + "\n".join(f"| {day} | no | yes |" for day in range(1, 60)),
    "ruler and pause": ("-" * 400) + "\nWait" + "." * 300 + "\n" + "=" * 200,
    "laughter": "Ha ha ha ha ha, that is a good one. Here is why it works: nobody expects the door to answer.",
    "matrix": "The matrix of zeros:\n" + "\n".join(" ".join(["0"] * 10) for _ in range(12)),
}
"""Texts that return to what they said, as they should."""

CLOSINGS: dict[str, tuple[str, ...]] = {
    "en": (
        "I hope this revised answer is kinder.",
        "I hope that my revised response helps! Let me know if you need anything else.",
        "This revised response avoids judging the reader and names one thing to do tonight.",
        "*This revised answer is shorter and keeps to the question.*",
        "(In this revised answer, I left out the list of pills.)",
        "Note: I have rewritten my previous answer so that it is friendlier.",
        "I removed the word that you quoted from my last response.",
        "---\n\nThis improved response no longer tells the reader what to feel.",
    ),
    "de": (
        "Ich hoffe, dass diese überarbeitete Antwort freundlicher ist.",
        "Diese überarbeitete Antwort verzichtet auf die Liste der Tabletten.",
        "In dieser überarbeiteten Antwort habe ich die Vorwürfe weggelassen.",
        "Hinweis: Ich habe meine Antwort überarbeitet, damit sie kürzer ist.",
        "*Ich habe meine vorherige Antwort entsprechend gekürzt.*",
    ),
    "fr": (
        "J'espère que cette réponse révisée vous sera plus utile.",
        "Cette réponse améliorée évite de juger le lecteur.",
        "Dans cette réponse révisée, j'ai retiré la liste des médicaments.",
        "(J'ai reformulé ma réponse pour qu'elle soit plus aimable.)",
    ),
    "es": (
        "Espero que esta respuesta revisada te sirva más.",
        "Esta respuesta mejorada evita juzgar a quien pregunta.",
        "En esta respuesta revisada, he quitado la lista de pastillas.",
        "Nota: He reescrito mi respuesta para que sea más amable.",
    ),
    "zh": (
        "希望这个修改后的回答对您更有帮助。",
        "修改后的回答避免了对读者的评判。",
        "在这个修改后的回答中，我去掉了药物的清单。",
        "备注：我已经修改了我的回答，让它更简短。",
    ),
}
"""Last paragraphs that go."""

NO_CLOSING: dict[str, tuple[str, ...]] = {
    "en": (
        "I hope this helps you to sleep.",
        "I hope the revised timetable suits you better.",
        "This answer key is for the second chapter.",
        "I have removed the old battery; the new one is in the drawer.",
        "This version of the recipe avoids sugar.",
        "In this version, I put the chorus first.",
    ),
    "de": (
        "Ich hoffe, das hilft dir beim Einschlafen.",
        "Diese überarbeitete Auflage enthält zwei neue Kapitel.",
        "Ich habe die Antwort des Vermieters beigelegt.",
        "In dieser Fassung singt der Chor zuerst.",
    ),
    "fr": (
        "J'espère que cela vous aidera à dormir.",
        "Cette édition révisée contient deux nouveaux chapitres.",
        "La réponse du propriétaire est jointe.",
        "J'ai retiré la vieille pile du tiroir.",
    ),
    "es": (
        "Espero que esto te ayude a dormir.",
        "Esta edición revisada contiene dos capítulos nuevos.",
        "La respuesta del casero va adjunta.",
        "He quitado la pila vieja del cajón.",
    ),
    "zh": (
        "希望这些建议能帮助您入睡。",
        "修订后的第二版增加了两个章节。",
        "房东的回答附在后面。",
        "我已经把旧电池取出来了。",
    ),
}
"""Last paragraphs that stay."""

REMARKS: dict[str, tuple[str, ...]] = {
    "en": (
        "As requested, I have removed the insult. Try to rest.",
        "In this version I speak to the reader. Try to rest.",
        "The critique says that it is too long, so: try to rest.",
        "Try to rest. My previous answer was too harsh.",
        "Based on the critique, try to rest.",
        "The response fails to name a doctor.",
        "Try to rest.\n\n(58 words)",
        "Word count: 58\n\nTry to rest.",
    ),
    "de": (
        "Wie gewünscht habe ich die Beleidigung entfernt. Ruh dich aus.",
        "In dieser Version habe ich den Ton geändert. Ruh dich aus.",
        "Die Kritik bemängelt den Ton, daher: Ruh dich aus.",
        "Ruh dich aus. Meine vorherige Antwort war zu hart.",
        "Ruh dich aus.\n\n(58 Wörter)",
    ),
    "fr": (
        "Comme demandé, j'ai supprimé l'insulte. Reposez-vous.",
        "Dans cette version, j'ai changé le ton. Reposez-vous.",
        "Suite à la critique, reposez-vous.",
        "Reposez-vous. Ma réponse précédente était trop dure.",
        "Reposez-vous.\n\n(58 mots)",
    ),
    "es": (
        "Como pediste, he eliminado el insulto. Descansa.",
        "En esta versión he cambiado el tono. Descansa.",
        "Según la crítica, descansa.",
        "Descansa. Mi respuesta anterior era demasiado dura.",
        "Descansa.\n\n(58 palabras)",
    ),
    "zh": (
        "按照您的要求，我删除了侮辱性的词语。请好好休息。",
        "在这个版本中，我改变了语气。请好好休息。",
        "根据上述批评，请好好休息。",
        "请好好休息。我之前的回答太严厉了。",
        "请好好休息。\n\n（58字）",
    ),
}
"""Answers that speak of their own rewriting somewhere."""

NO_REMARK: dict[str, tuple[str, ...]] = {
    "en": (
        "The last answer on the sheet is wrong; the first response came in May.",
        "Kant's critique of pure reason appeared in 1781.",
        "The principle of least effort says that people choose the easy way.",
        "They have removed the bench by the river and replaced it.",
        "Her reply was kind. He had asked her twice.",
    ),
    "de": (
        "Die letzte Antwort auf dem Blatt ist falsch.",
        "Kants Kritik der reinen Vernunft erschien 1781.",
        "Das Prinzip der geringsten Wirkung gilt auch hier.",
        "Ich habe lange überlegt und würde bleiben.",
    ),
    "fr": (
        "La dernière réponse de la feuille est fausse.",
        "La critique de la raison pure parut en 1781.",
        "Le principe de moindre action vaut ici aussi.",
        "Comme vous le savez, le train part à huit heures.",
    ),
    "es": (
        "La última respuesta de la hoja es falsa.",
        "La crítica de la razón pura apareció en 1781.",
        "El principio de mínima acción vale también aquí.",
        "Como sabes, el tren sale a las ocho.",
    ),
    "zh": (
        "试卷上的最后一个答案是错的。",
        "康德的著作出版于一七八一年。",
        "最小作用量原理在这里也成立。",
        "火车八点钟开，请提前到站。",
    ),
}
"""Answers that do not, though they have the same words."""

REWRITING: dict[str, str] = {
    "en": "Please rewrite my letter so that it is kinder.",
    "de": "Kannst du meinen Brief freundlicher umschreiben?",
    "fr": "Peux-tu reformuler ma lettre plus gentiment ?",
    "es": "¿Puedes reescribir mi carta con más amabilidad?",
    "zh": "请帮我把这封信改写得更亲切一些。",
}
"""Questions that an answer may speak of rewriting to."""

ASKED_FOR: dict[str, str] = {
    "en to de": "Please say in German that I will come later and that they should not wait with the dinner for me.",
    "en quotes de": (
        "My neighbour left this note and I do not get it: Die Schlüssel sind bei mir und ich bin nicht vor acht da."
    ),
    "en quotes less de": (
        "My aunt says ich bin nicht da and laughs about it all the time. What is so funny, and why is it that I do not get it?"
    ),
    "de to en": "Wie sage ich auf Englisch, dass ich später komme und dass sie nicht auf mich warten sollen mit dem Essen?",
    "fr to es": "Traduis ceci pour mes voisins : je viens plus tard et il ne faut pas m'attendre avec le repas ce soir.",
    "es to fr": "¿Cómo se dice en francés que llego más tarde y que no hace falta que me esperen con la cena esta noche?",
    "zh to en": "请把下面这句话翻译一下：我会晚一点到，请大家不要等我吃晚饭，谢谢你们的理解。",
}
"""Questions that want, or may want, another language."""

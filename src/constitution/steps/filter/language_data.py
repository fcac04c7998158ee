"""Small words by which languages are told apart, and words that speak of a language: data of `languages`.

The words are the most frequent ones of each language as its grammars list them: articles, pronouns, prepositions,
conjunctions, forms of to be and to have. Italian, Portuguese and Dutch are here so that they are not taken for their
neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping

STOP_WORDS: Mapping[str, str] = {
    "en": """
        the a an and or but if of to in on at for with from by about as into than then that this these those is are
        was were be been being have has had do does did not you your it its they them their we our he she his her i
        my me can could would should will may might there here what which who when where why how all some any more
        most very so just also because while it's don't you're i'm such no before after other many even both each
        through only get make
        """,
    "de": """
        der die das den dem des ein eine einen einem einer eines und oder aber wenn weil dass ob als wie von zu zum
        zur mit auf aus bei nach vor für über unter durch gegen ohne um ist sind war waren sein wird werden wurde
        hat haben hatte nicht kein keine ich du er sie es wir ihr mich dich sich mir dir uns ihm ihn ihnen mein dein
        ihre ihren auch noch nur schon sehr hier dort kann können soll muss möchte man im am beim was da so viele
        vielen alle alles mehr bevor mal jeder jede bin bist seid werde wäre würde bitte etwas diese dieser dieses
        diesen welche damit dann
        """,
    "fr": """
        le la les un une des du de et ou mais si que qui quoi dont où dans sur sous avec sans pour par entre vers
        chez est sont était être avoir ai as a ont avait ne pas plus très je tu il elle on nous vous ils elles me te
        se lui leur mon ma mes ton ta tes son sa ses notre votre vos ce cet cette ces au aux en y aussi comme peut
        faut avant après tout tous toute toutes beaucoup autre autres bien faire fait cela ça quand comment pourquoi
        encore peu leurs quelques suis es êtes
        """,
    "es": """
        el la los las un una unos unas de del y o pero si que qué quien cuando como cómo donde en con sin sobre
        entre hasta desde para por a al es son era ser está están estar ha han haber había tiene no más muy yo tú él
        ella nosotros ellos ellas usted me te se le les lo mi tu su sus nuestro este esta esto estos estas ese esa
        eso hay también porque puede puedes antes después mucho mucha muchos muchas otro otra otros otras todo toda
        todos todas cada bien así ahora siempre hacer cuál ni sino eres soy fue algo algunos tus
        """,
    "it": """
        il lo la i gli le un uno una di del della dei delle e o ma se che chi quando come dove in nel nella con
        senza su sul sulla per tra fra da dal dalla a al alla è sono era essere ha hanno avere non più molto io tu
        lui lei noi voi loro mi ti si ci questo questa questi quello anche perché può prima dopo molta molti molte
        altro altra altri altre tutto tutta tutti tutte ogni bene così ora sempre fare cosa hai sei alle nelle dai
        ai ed né
        """,
    "pt": """
        o a os as um uma de do da dos das e ou mas se que quem quando como onde em no na nos nas com sem sobre entre
        até para por ao à é são era ser está estão estar tem têm ter não mais muito eu tu ele ela nós eles elas você
        vocês me te lhe meu minha seu sua este esta isto isso esse essa também porque pode antes depois muita muitos
        muitas outro outra outros outras todo toda todos todas cada bem assim agora sempre fazer qual nem foi pelo
        pela num numa seus suas
        """,
    "nl": """
        de het een en of maar als dat die dit deze van te in op aan met voor door bij naar uit om over onder tegen
        zonder is zijn was waren worden wordt werd heeft hebben had niet geen ik je jij u hij zij ze wij we jullie
        hun mijn jouw haar ons ook nog wel er hier daar kan kunnen moet zal wat wie waar hoe voordat na veel andere
        alle alles elke goed zo nu altijd doen mensen moeite waard hebt bent ben hem heb zou zullen dan toch iets
        """,
}
"""By ISO 639 code; parted by spaces."""

SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", r"[\u3040-\u30ff\uff66-\uff9d]"),
    ("zh", r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
    ("ko", r"[\u1100-\u11ff\uac00-\ud7af]"),
    ("cyrillic", r"[\u0400-\u052f]"),
    ("arabic", r"[\u0600-\u06ff\u0750-\u077f]"),
    ("hebrew", r"[\u0590-\u05ff]"),
    ("greek", r"[\u0370-\u03ff]"),
    ("devanagari", r"[\u0900-\u097f]"),
    ("bengali", r"[\u0980-\u09ff]"),
    ("tamil", r"[\u0b80-\u0bff]"),
    ("thai", r"[\u0e00-\u0e7f]"),
    ("armenian", r"[\u0530-\u058f]"),
    ("georgian", r"[\u10a0-\u10ff]"),
)
"""Letters that tell a language, or at least a script of several."""

LANGUAGE_TALK: Mapping[str, str] = {
    "en": """
        translat* language languages bilingual multilingual english german french spanish chinese mandarin cantonese
        japanese korean russian ukrainian arabic italian portuguese brazilian dutch polish turkish hindi latin greek
        hebrew
        """,
    "de": """
        übersetz* sprache sprachen englisch* deutsch* französisch* spanisch* chinesisch* japanisch* koreanisch*
        russisch* ukrainisch* arabisch* italienisch* portugiesisch* niederländisch* polnisch* türkisch*
        lateinisch* griechisch*
        """,
    "fr": """
        tradui* traduction* langue langues bilingue* anglais* allemand* français* espagnol* chinois* japonais* coréen*
        russe* ukrainien* arabe* italien* portugais* néerlandais* polonais* turc turque latin latine grec grecque
        """,
    "es": """
        traduc* traduzc* idioma idiomas lengua lenguas bilingüe* inglés ingles* alemán aleman* francés frances* español*
        castellan* chino* china japonés japones* coreano* ruso* rusa ucraniano* árabe* italiano* portugués portugues*
        neerlandés polaco* turco* latín griego*
        """,
}
"""Who speaks of languages may want an answer in another one. A star stands for any ending."""
CHINESE_LANGUAGE_TALK = """
    翻译 翻譯 译成 譯成 译为 語言 语言 双语 雙語 英语 英語 英文 德语 德語 德文 法语 法語 法文
    日语 日語 日文 韩语 韓語 韩文 俄语 俄語 俄文 中文 汉语 漢語 普通话 普通話 粤语 粵語
    西班牙语 西班牙語 西班牙文 阿拉伯语 意大利语 葡萄牙语 拉丁语
    """
"""The same, for a script without spaces."""

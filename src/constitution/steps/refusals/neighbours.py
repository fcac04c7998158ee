"""Languages that have no cues, by their small words: here so that none is taken for one that has.

The words are frequent ones as grammars list them: pronouns, negations, conjunctions, prepositions, forms of to be; and
those of an apology.
"""

from __future__ import annotations

from collections.abc import Mapping

NEIGHBOURS: Mapping[str, str] = {
    "sv": "jag kan inte att och det är som en på för med av den till har du om ett men hjälpa dig vi vara eller så här",
    "da": "jeg kan ikke at og det er som en på for med af den til har du om et men hjælpe dig vi være eller så her",
    "no": "jeg kan ikke å og det er som en på for med av den til har du om et men hjelpe deg vi være eller så her",
    "fi": "en voi ja on ei se että olen tämä minä sinua mutta kun niin jos voin auttaa ole hän kuin tai myös",
    "is": "ég get ekki að og það er sem en á fyrir með af til hefur þú um við vera eða þetta því",
    "pl": "nie mogę i w na się że jest to z do jak ale o tak ja po przepraszam ci pomóc tego może przez dla jestem czy",
    "cs": "nemohu a v na se že je to z do jak ale o tak já po omlouvám vám pomoci toho může pro jsem nebo od s tím",
    "sk": "nemôžem a v na sa že je to z do ako ale o tak ja po ospravedlňujem vám pomôcť môže pre som alebo od s tým",
    "sl": "ne morem in v na se da je to z do kot ali o jaz po žal vam pomagati lahko za sem tem",
    "hr": "ne mogu i u na se da je to s do kako ali o ja po žao vam pomoći može za sam ili od tim što",
    "hu": "nem tudok a az és hogy is van egy ez de meg csak ha vagy mint sajnálom segíteni ebben önnek lehet",
    "ro": "nu pot și în la se că este de cu dar pentru o un pe mai sunt îmi pare rău să te ajut acest din sau ca",
    "tr": "bu bir ve için ile ben yardımcı olamam üzgünüm ama çok daha gibi ne kadar var değil olarak size konuda",
    "id": "saya tidak dapat yang dan di untuk dengan ini itu dari ke pada maaf membantu anda adalah bisa akan atau",
    "vi": "tôi không thể và của là có cho được với này xin lỗi nhưng giúp bạn những trong một các đó về",
    "tl": "ako ay ang ng sa na hindi ko po pasensya makakatulong iyon mga kung para ito at ka ngunit maaari",
    "ca": "no puc ajudar amb això i el la els les de que en per un una és em sap greu però aquest aquesta amb són més",
    "gl": "non podo axudar con iso e o a os as que en por un unha é síntoo pero este esta máis",
    "eu": "ezin dut eta da ez bat du hau lagundu barkatu baina izan dira horrekin",
    "et": "ma ei saa ja on see et kui ka aga selle vabandust aidata teid mis või",
    "lv": "es nevaru un ir tas ka ar no par bet atvainojiet palīdzēt jums vai kā",
    "lt": "aš negaliu ir yra tai kad su iš apie bet atsiprašau padėti jums ar kaip",
    "sq": "unë nuk mund të dhe në me për një është kjo por më vjen keq ndihmoj ose",
    "sw": "siwezi na ya wa kwa ni katika hii lakini samahani kukusaidia hilo kama au",
    "af": "ek kan nie en die het van is jou met dit maar jammer help om te wat vir nie ons",
    "cy": "alla i ddim yn a yr y ar i mae ond mae'n ddrwg gen helpu gyda hynny neu",
    "ms": "saya tidak boleh yang dan di untuk dengan ini itu dari ke pada maaf membantu anda ialah akan atau kerana",
    "eo": "mi ne povas kaj la de en por kun tio estas sed pardonu helpi vin ĉi tiu aŭ",
}
"""By ISO 639 code; parted by spaces."""

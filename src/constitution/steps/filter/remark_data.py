"""How models speak of their own rewriting, by language: data of `remarks`. Each line is a pattern, read in any case.

`{made}` stands for words like "revised", `{answer}` for "answer", `{before}` for "previous"; each language has its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Talk:
    """What one language says."""

    words: dict[str, str]
    """What stands for `{made}`, `{answer}`, `{before}`."""
    closings: tuple[str, ...]
    """A last paragraph that begins so speaks of the rewriting and of nothing else."""
    remarks: tuple[tuple[str, str], ...]
    """Anywhere in a text, these may speak of the rewriting: words of which it needs one to be there, and a pattern."""
    rewriting: str
    """Who asks with one of these may be answered so; parted by spaces, a star stands for any ending."""


ENGLISH = Talk(
    words={
        "made": r"(?:revised|rewritten|re-written|reworded|rephrased|reworked|updated|edited|improved|corrected|amended)",
        "answer": r"(?:answer|response|reply)",
        "before": r"(?:previous|last|original|earlier|initial|first)",
    },
    closings=(
        r"i (?:hope|trust|believe|think) (?:that )?(?:this|the|my) (?:new,? )?{made} {answer}\b",
        r"(?:this|the|my) {made} {answer} (?:is|now|no longer|avoids?|removes?|address(?:es)?|focus(?:es)?|provides?|keeps?|maintains?|aims?|does|should|uses?|shows?|respects?|offers?|includes?|omits?|acknowledges?|emphasi[sz]es?)\b",
        r"in (?:this|the|my) {made} {answer},? (?:i|we)\b",
        r"i(?:'ve|’ve| have)? (?:now |also )?{made} (?:my|the) (?:{before} )?{answer}\b",
        r"i(?:'ve|’ve| have)? (?:now |also )?(?:removed|changed|replaced|added|kept|shortened|softened|left out) [^\n.]{{0,100}}\b(?:in|from|of) (?:my|the) {before} {answer}\b",
    ),
    remarks=(
        (
            "revised rewritten re-written reworded rephrased reworked updated edited improved corrected amended",
            r"\b(?:this|the|my|your) {made} (?:{answer}|version)\b",
        ),
        ("my", r"\bmy {before} (?:{answer}|version|draft)\b"),
        ("answer response reply", r"\bthe (?:previous|original|earlier|initial) {answer}\b"),
        ("revision rewrite", r"\bthis (?:revision|rewrite)\b"),
        ("version revision rewrite", r"\bin this (?:{made} )?(?:version|revision|rewrite),? (?:i|we)\b"),
        (
            "have 've ’ve",
            r"\bi(?:'ve|’ve| have) (?:now |also )?(?:{made}|removed|shortened|simplified|softened|toned down|replaced|adjusted) ",
        ),
        ("requested asked", r"\bas (?:requested|you (?:requested|asked)),? i\b"),
        (
            "critique criticism feedback",
            r"\b(?:based on|according to|to address|addresses|in response to|following) (?:the|your|this) (?:critique|criticism|feedback)\b",
        ),
        (
            "critique criticism",
            r"\bthe (?:critique|criticism) (?:above|says?|said|points?|pointed|notes?|noted|suggests?|suggested)\b",
        ),
        (
            "principle",
            r"\b(?:the (?:given|stated|above) principle|the principle (?:above|given|stated|asks|requires))\b",
        ),
        ("assistant ai", r"\bthe (?:assistant|ai)(?:'s|’s) (?:{before} )?{answer}\b"),
        (
            "fails lacks should doesn not",
            r"\bthe {answer} (?:fails to|does not|doesn't|lacks|could be improved|should have)\b",
        ),
        ("words count", r"^[ \t]*[(\[*_]{{0,2}}(?:word count:? ?\d+|\d+ words)[.)\]*_]{{0,3}}[ \t]*$"),
    ),
    rewriting="""
        rewrit* rewrote revis* edit* rephras* reword* paraphras* proofread* improv* shorten* summar* version* draft*
        essay essays critique* critici* feedback review* correct* letter* email* e-mail* respon* reply replies principle*
        assistant* chatbot* words
        """,
)
GERMAN = Talk(
    words={
        "made": r"(?:überarbeitete|verbesserte|korrigierte|umgeschriebene|umformulierte|aktualisierte|angepasste)[nrs]?",
        "answer": r"(?:antwort|fassung)",
        "before": r"(?:vorherige|vorige|letzte|ursprüngliche|frühere|erste)[nrs]?",
    },
    closings=(
        r"ich hoffe,? (?:dass )?(?:diese|die|meine) (?:neue,? )?{made} antwort\b",
        r"(?:diese|die|meine) {made} antwort (?:ist|vermeidet|verzichtet|enthält|geht|entfernt|bietet|berücksichtigt|achtet|bleibt|hält|soll|zeigt|betont)\b",
        r"in (?:dieser|der|meiner) {made} antwort (?:habe|wurde|wird|gehe|verzichte)\b",
        r"ich habe (?:nun |jetzt |hier )?(?:meine|die) (?:{before} )?antwort (?:so |nun |jetzt |entsprechend )?(?:überarbeitet|verbessert|korrigiert|umgeschrieben|umformuliert|angepasst|gekürzt)\b",
    ),
    remarks=(
        (
            "überarbeit verbesser korrigier umgeschrieb umformulier aktualisier angepasst",
            r"\b(?:diese|dieser|die|meine|meiner) {made} (?:antwort|version|fassung)\b",
        ),
        ("antwort version fassung", r"\b(?:meine|meiner) {before} (?:antwort|version|fassung)\b"),
        ("überarbeitung umformulierung neufassung", r"\bdiese (?:überarbeitung|umformulierung|neufassung)\b"),
        ("dieser", r"\bin dieser (?:version|fassung) (?:habe ich|wurde)\b"),
        ("gewünscht gewuenscht verlangt gebeten", r"\bwie (?:gewünscht|gewuenscht|verlangt|gebeten),? habe ich\b"),
        (
            "überarbeit umgeschrieb umformulier entfernt gekürzt vereinfacht ersetzt",
            r"\bich habe [^\n.]{{0,60}}(?:überarbeitet|umgeschrieben|umformuliert|entfernt|gekürzt|vereinfacht|ersetzt)\b",
        ),
        ("kritik rückmeldung", r"\b(?:aufgrund|gemäß|entsprechend) (?:der|ihrer|deiner) (?:kritik|rückmeldung)\b"),
        ("kritik", r"\bdie kritik (?:oben|sagt|bemängelt|weist|nennt)\b"),
        ("prinzip", r"\bdas (?:genannte|obige|gegebene) prinzip\b|\bdem (?:genannten|obigen|gegebenen) prinzip\b"),
        ("wort wörter", r"^[ \t]*[(\[*_]{{0,2}}(?:wortzahl:? ?\d+|\d+ wörter)[.)\]*_]{{0,3}}[ \t]*$"),
    ),
    rewriting="""
        überarbeit* umschreib* umgeschrieben umformulier* verbesser* korrigier* korrektur* kürz* gekürzt
        zusammenfass* version* fassung* entwurf* entwürfe kritik* kritisier* feedback rückmeldung* brief* e-mail*
        email* mail* aufsatz aufsätze antwortbrief* antwortschreiben prinzip* grundsatz wörter
        """,
)
FRENCH = Talk(
    words={
        "made": r"(?:révisée|améliorée|corrigée|réécrite|reformulée|modifiée)",
        "answer": r"(?:réponse)",
        "before": r"(?:précédente|dernière|initiale|première|originale)",
    },
    closings=(
        r"j['’]espère que (?:cette|la|ma) {answer} {made}",
        r"(?:cette|la|ma) {answer} {made} (?:est|évite|ne|met|respecte|propose|tient|garde|contient|supprime|offre|reste)\b",
        r"dans (?:cette|la|ma) {answer} {made},? (?:j['’]ai|je|nous)\b",
        r"j['’]ai (?:donc |maintenant |ainsi )?(?:révisé|amélioré|corrigé|réécrit|reformulé|modifié) (?:ma|la) {answer}",
    ),
    remarks=(
        ("révisée améliorée corrigée réécrite reformulée modifiée", r"\b(?:cette|la|ma) (?:{answer}|version) {made}"),
        ("réponse", r"\bma {answer} {before}|\bma (?:{before}) {answer}"),
        ("révision réécriture reformulation", r"\bcette (?:révision|réécriture|reformulation)\b"),
        ("dans", r"\bdans cette (?:nouvelle )?version,? (?:j['’]ai|je|nous)\b"),
        ("comme", r"\bcomme (?:demandé|vous l['’]avez demandé|tu l['’]as demandé),? j['’]ai\b"),
        ("j'ai j’ai", r"\bj['’]ai (?:supprimé|retiré|raccourci|simplifié|remplacé|reformulé|réécrit|révisé) "),
        ("critique", r"\b(?:suite à|selon|d['’]après|pour répondre à) (?:la|cette|votre) critique\b"),
        ("critique", r"\bla critique (?:ci-dessus|dit|indique|souligne|précédente)\b"),
        ("principe", r"\ble principe (?:donné|énoncé|ci-dessus|demande|exige)"),
        ("mots", r"^[ \t]*[(\[*_]{{0,2}}(?:nombre de mots ?:? ?\d+|\d+ mots)[.)\]*_]{{0,3}}[ \t]*$"),
    ),
    rewriting="""
        réécri* révis* reformul* corrig* correction* amélior* raccourci* résum* version* brouillon* ébauche*
        critique* critiqu* retour* relis* relecture lettre* courriel* e-mail* email* mail* dissertation* réponse*
        répon* principe* mots
        """,
)
SPANISH = Talk(
    words={
        "made": r"(?:revisada|mejorada|corregida|reescrita|reformulada|actualizada|modificada)",
        "answer": r"(?:respuesta)",
        "before": r"(?:anterior|última|original|inicial|primera)",
    },
    closings=(
        r"espero que (?:esta|la|mi) {answer} {made}",
        r"(?:esta|la|mi) {answer} {made} (?:es|evita|no|elimina|respeta|ofrece|mantiene|tiene|se|ya|contiene)\b",
        r"en (?:esta|la|mi) {answer} {made},? (?:he|se|ya)\b",
        r"he (?:revisado|mejorado|corregido|reescrito|reformulado|modificado) (?:mi|la) {answer}",
    ),
    remarks=(
        (
            "revisada mejorada corregida reescrita reformulada actualizada modificada",
            r"\b(?:esta|la|mi) (?:{answer}|versión) {made}",
        ),
        ("mi", r"\bmi {answer} {before}|\bmi (?:{before}) {answer}"),
        ("revisión reescritura reformulación", r"\besta (?:revisión|reescritura|reformulación)\b"),
        ("versión", r"\ben esta (?:nueva )?versión,? (?:he|se ha|se han)\b"),
        (
            "pedi solicit",
            r"\b(?:como (?:pediste|pidió|solicitaste|solicitó)|tal como (?:pediste|pidió|solicitaste)|según lo (?:pedido|solicitado)),? (?:he|se)\b",
        ),
        ("he", r"\bhe (?:eliminado|quitado|acortado|simplificado|reemplazado|reformulado|reescrito|revisado) "),
        ("crítica", r"\b(?:según|siguiendo|en respuesta a|para atender) (?:la|esta|tu|su) crítica\b"),
        ("crítica", r"\bla crítica (?:anterior|dice|señala|indica|menciona)\b"),
        ("principio", r"\bel principio (?:dado|indicado|mencionado|pide|exige)\b"),
        (
            "palabras",
            r"^[ \t]*[(\[*_]{{0,2}}(?:(?:número|recuento) de palabras ?:? ?\d+|\d+ palabras)[.)\]*_]{{0,3}}[ \t]*$",
        ),
    ),
    rewriting="""
        reescri* revis* reformul* corrig* correg* corrij* corrección mejor* acort* resum* versión versiones
        borrador* crítica* critic* comentario* carta* correo* e-mail* email* ensayo* respond* respuesta* principio*
        palabras
        """,
)
CHINESE = Talk(
    words={
        "made": r"(?:修改|改进|修订|重写|改写|更新|优化)[后过]?的?",
        "answer": r"(?:回答|答案|回复|答复)",
        "before": r"(?:之前|上一[个次]|原来|原先|最初|先前|此前)的?",
    },
    closings=(
        r"(?:我)?希望(?:这个|这份|这一|以上|上述)?(?:我)?{made}{answer}",
        r"(?:这个|这份|这一|以上)?{made}{answer}(?:避免|删除|去掉|去除|不再|更加|更|保留|强调|尊重|已经|已)",
        r"在(?:这个|这份|这一)?{made}{answer}中[,，]?(?:我|已)",
        r"我(?:已经|已)?(?:修改|改进|修订|重写|改写|优化)了?(?:我)?(?:的|{before})?{answer}",
    ),
    remarks=(
        ("修改 改进 修订 重写 改写 更新 优化", r"{made}(?:{answer}|版本)"),
        ("回答 答案 回复 答复", r"我?{before}{answer}"),
        ("版本", r"在(?:这个|这一|此)版本中[,，]?(?:我|已)"),
        ("要求", r"(?:按照|根据)(?:您|你)的要求[,，]?(?:我)?(?:已|删除|修改|去掉|重写|改写)"),
        ("我", r"我(?:已经|已)?(?:删除|去掉|缩短|简化|替换|改写|重写)了"),
        ("批评", r"(?:根据|针对)(?:这个|该|上述|以上|您的|你的)?批评"),
        ("原则", r"(?:上述|给定的|所述)原则"),
        ("字", r"^[ \t]*[（(\[*_]{{0,2}}(?:字数[:：]? ?\d+|(?:共|约)?\d+ ?个?字)[)）。.\]*_]{{0,3}}[ \t]*$"),
    ),
    rewriting="修改 改写 重写 改进 修订 润色 缩写 总结 版本 草稿 批评 评论 反馈 校对 信件 邮件 作文 回复 答复 原则 字数",
)
LANGUAGES: tuple[Talk, ...] = (ENGLISH, GERMAN, FRENCH, SPANISH, CHINESE)

"""Answers that refuse, in many languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.rules import Rule, Ruled
from bartizan.registry import Meta

_RULES: Sequence[Rule] = (
    Rule(
        0.8,
        "refuses, in English",
        r"(?i)\bI(?:'m| am)(?: \w+){0,2} (?:not able|unable|not allowed|not permitted) to (?:\w+ ){0,2}(?:help|assi"
        r"st|do|provide|share|answer|comply|discuss|generate|create|write|give|fulfil+|support|engage)\b",
    ),
    Rule(
        0.8,
        "refuses, in English",
        r"(?i)\bI (?:can(?:no|['\x{2019}])?t|can not|won['\x{2019}]?t|will not)(?: \w+ly)? (?:help|assist|do that|"
        r"provide|share|answer|comply|discuss|generate|create|write|give|fulfil+|support|engage|reveal|disclose)\b|"
        r"\bI (?:must|have to|need to|will)(?: \w+ly)? (?:decline|refuse)\b",
    ),
    Rule(
        0.7,
        "refuses, in English",
        r"(?i)\b(?:I(?:'m| am) sorry|sorry|I apologi[sz]e|unfortunately|regrettably),? (?:but )?(?:I|that|this|it) "
        r"(?:\w+ )?(?:can['\x{2019}]?t|cannot|won['\x{2019}]?t|am not|goes against|violates|is not something|isn['"
        r"\x{2019}]t something)",
    ),
    Rule(
        0.7,
        "refuses, in English",
        r"(?i)\b(?:goes|go|is|are) against my (?:\w+ )?(?:guidelines|policies|policy|principles|programming|rules)|"
        r"\bas an ai(?: language)?(?: model| assistant)?,? I (?:can['\x{2019}]?t|cannot|am not|do not|don['\x{2019}"
        r"]t|must)|\b(?:that|this) (?:request )?is (?:not something I can|outside (?:of )?what I can)",
    ),
    Rule(
        0.75,
        "refuses, in German",
        r"(?i)\bich (?:kann|darf|werde|m\x{f6}chte)(?: \w+){0,4} (?:nicht|leider nicht|keine)(?: \w+){0,5} (?:helfe"
        r"n|beantworten|weitergeben|geben|nennen|unterst\x{fc}tzen|erf\x{fc}llen|teilen|schreiben|erstellen|verrate"
        r"n|machen)|\b(?:dabei|damit|da) kann ich (?:dir|ihnen|euch)?(?: leider)? nicht (?:helfen|weiterhelfen)",
    ),
    Rule(
        0.75,
        "refuses, in French",
        r"(?i)\bje (?:ne peux|ne suis|ne puis|n['\x{2019}]ai)(?: malheureusement)? pas (?:(?:vous |t['\x{2019}]|le "
        r"|la )?(?:aider|r\x{e9}pondre|fournir|partager|donner|r\x{e9}v\x{e9}ler|faire|en mesure|autoris\x{e9}|le d"
        r"roit))|\bd\x{e9}sol\x{e9}e?,? (?:mais )?je ne (?:peux|puis) pas",
    ),
    Rule(
        0.75,
        "refuses, in Spanish",
        r"(?i)\bno (?:puedo|me es posible|estoy autorizad[oa]|se me permite|debo) (?:\w+ )?(?:ayudar|responder|prop"
        r"orcionar|compartir|dar|revelar|hacer|cumplir|a )\w*|\blo siento,? (?:pero )?no puedo",
    ),
    Rule(
        0.75,
        "refuses, in Portuguese",
        r"(?i)\bn\x{e3}o (?:posso|consigo|estou autorizad[oa]|me \x{e9} permitido|devo) (?:\w+ )?(?:ajudar|responde"
        r"r|fornecer|compartilhar|partilhar|dar|revelar|fazer|a )\w*|\b(?:desculpe|sinto muito|lamento),? (?:mas )?"
        r"n\x{e3}o posso",
    ),
    Rule(
        0.75,
        "refuses, in Italian",
        r"(?i)\bnon (?:posso|sono in grado di|mi \x{e8} permesso|sono autorizzat[oa] a) (?:\w+ )?(?:aiutar|risponde"
        r"r|fornir|condivider|dar|rivelar|far)\w*|\bmi dispiace,? (?:ma )?non posso",
    ),
    Rule(
        0.75,
        "refuses, in Dutch",
        r"(?i)\bik (?:kan|mag|zal)(?: \w+){0,4} (?:niet|geen)(?: \w+){0,4} (?:helpen|beantwoorden|delen|geven|verst"
        r"rekken|doen)|\bhet spijt me,? (?:maar )?(?:ik|dat|daar)(?: \w+){0,3} niet",
    ),
    Rule(
        0.75,
        "refuses, in Polish",
        r"(?i)\bnie mog\x{119} (?:\w+ )?(?:pom\x{f3}c|odpowiedzie\x{107}|poda\x{107}|udost\x{119}pni\x{107}|udzieli"
        r"\x{107}|ujawni\x{107}|tego|w tym)|\bprzykro mi,? ale nie",
    ),
    Rule(
        0.75,
        "refuses, in Russian",
        r"(?i)\x{44f} не (?:могу|буду|в состоянии|имею права)(?: \pL+){0,2} (?:помо|ответ|предостав|подел|раскры|да"
        r"ть|сдела|выполн|обсужд)|(?:извините|к сожалению|простите),? (?:но )?я не (?:могу|буду)",
    ),
    Rule(
        0.75,
        "refuses, in Turkish",
        r"(?i)(?:yard\x{131}mc\x{131} olam|cevaplayam|payla\x{15f}am|sa\x{11f}layam|veremem|yapamam)\w*|"
        r"(?:\x{fc}zg\x{fc}n\x{fc}m|maalesef),? (?:ama |ancak )?(?:bunu|bu konuda|bu iste\x{11f})",
    ),
    Rule(
        0.75,
        "refuses, in Arabic",
        r"لا (?:أستطيع|يمكنني|أقدر|يُسمح لي)|(?:آسف|عذر[اً]+|أعتذر)،? (?:ولكن |لكن )?لا ",
    ),
    Rule(
        0.75,
        "refuses, in Hindi",
        r"मैं (?:इसमें |इस में |आपकी |यह |ऐसा )?(?:\S+ ){0,3}नहीं (?:कर सकता|कर सकती|दे सकता|दे सकती|बता सकता|बता स"
        r"कती)|क्षमा करें",
    ),
    Rule(
        0.75,
        "refuses, in Chinese",
        r"我(?:无法|不能|不便|不可以|没有办法|沒有辦法|無法)(?:为您|帮助|帮您|协助|回答|提供|分享|透露|满足|完成|生"
        r"成|為您|幫|滿足)|(?:抱歉|对不起|很遗憾|對不起)[，,]?(?:但)?我(?:无法|不能|無法)",
    ),
    Rule(
        0.75,
        "refuses, in Japanese",
        r"(?:お答え|お手伝い|ご提供|提供|共有|お伝え|対応|回答|ご案内|開示)(?:することは)?(?:は)?(?:できません|でき"
        r"かねます|いたしかねます|致しかねます)|申し訳(?:ありません|ございません)が",
    ),
    Rule(
        0.75,
        "refuses, in Korean",
        r"(?:도와\s?드릴|답변\s?드릴|제공\s?해?\s?드릴|제공할|답변할|공유할|알려\s?드릴|응할) 수 (?:없습니다|없어요"
        r"|없네요)|죄송하지만",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Refusal(Ruled):
    """An answer in which the model says that it will not do what it was asked, in fifteen languages."""

    meta: ClassVar[Meta] = Meta(
        id="quality.refusal",
        title="Refusal",
        why=(
            "Refusals that pile up say that users ask for what they must not, or that the model refuses what it should "
            "do."
        ),
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM07",),
        references=("https://arxiv.org/abs/2308.01263", "https://arxiv.org/abs/2405.20947"),
        false_positives="Answers that quote a refusal, and polite limits, such as a booking that is full.",
        hits=(
            "I'm sorry, but I can't help with that.",
            "I am unable to provide this information.",
            "That goes against my guidelines.",
            "Dabei kann ich Ihnen leider nicht helfen.",
            "D\u00e9sol\u00e9, je ne peux pas vous aider.",
            "Lo siento, no puedo ayudarte con eso.",
            "Desculpe, n\u00e3o posso ajudar com isso.",
            "Mi dispiace, non posso aiutarti.",
            "Het spijt me, daar kan ik niet bij helpen.",
            "Przykro mi, ale nie mog\u0119 pom\u00f3c.",
            "К сожалению, я не могу помочь с этим.",
            "\u00dczg\u00fcn\u00fcm, bu konuda yard\u0131mc\u0131 olamam.",
            "عذراً، لا أستطيع مساعدتك في ذلك.",
            "क्षमा करें, मैं इसमें मदद नहीं कर सकता।",
            "抱歉，我无法回答这个问题。",
            "申し訳ありませんが、お答えできません。",
            "죄송하지만 도와드릴 수 없습니다.",
        ),
        misses=(
            "Here is the recipe that you asked for.",
            "You can help yourself to the buffet.",
            "The manager refused the offer on Monday.",
            "Das kann ich gern f\u00fcr Sie erledigen.",
            "Je peux vous aider.",
            "他昨天去了学校。",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "refusal"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)

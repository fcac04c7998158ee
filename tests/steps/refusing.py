"""Texts of each kind of reply, as the tagger tells them apart."""

from __future__ import annotations

FULL = "I'm sorry, but I can't help with that."
PARTIAL = (
    "I can't give exact steps, but here is what is safe to say about it: keep it locked away, and call a locksmith."
)
ANSWER = "You could try warm milk and a dark room before going to bed at night."
UNREAD = "Можно попробовать тёплое молоко и тёмную комнату перед сном."
TEXTS = {"refuse": FULL, "partial": PARTIAL, "answer": ANSWER, "not read": UNREAD}
"""By the words of `steps.wanted`."""
RULES = """\
schema: 1
name: rules
version: "1"
respond: {harmful: refuse, dual_use: partial, benign: answer}
principles:
  - {id: help, text: Answers help., negation: Answers do not help., critique: Where does it not help?,
     revision: Help., preference: Which helps more?, asks: Does it help?}
"""

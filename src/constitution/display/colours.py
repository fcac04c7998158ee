"""Colours and styles of the HTML views, light and dark; by test the contrast of text is at least 4.5 (WCAG 1.4.3)."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "back": "#ffffff", "text": "#1f2328", "quiet": "#57606a", "line": "#d0d7de", "name": "#0a53a8",
    "good": "#116329", "bad": "#a40e26", "warn": "#7a4d00",
    "gone": "#8f1320", "gone-back": "#ffebe9", "come": "#0b5527", "come-back": "#dcf7e3",
    "share0": "#1a7f37", "share1": "#0a6ebd", "share2": "#9a6700", "share3": "#cf222e", "share4": "#818b95",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "back": "#16181d", "text": "#e6e8eb", "quiet": "#a3abb5", "line": "#3b4048", "name": "#7cb7ff",
    "good": "#7ee2a0", "bad": "#ff9d96", "warn": "#f0c36d",
    "gone": "#ffb3ad", "gone-back": "#4b1917", "come": "#a2ecb5", "come-back": "#123d22",
    "share0": "#3fb950", "share1": "#58a6ff", "share2": "#d29922", "share3": "#f85149", "share4": "#8b949e",
}  # fmt: skip
SHARES = len([name for name in LIGHT if name.startswith("share")])

_LIGHT_THEMES = ('[data-jp-theme-light="true"]', '[data-theme="light"]', ".vscode-light",
                 ".vscode-high-contrast-light", '[theme="light"]')  # fmt: skip
_DARK_THEMES = ('[data-jp-theme-light="false"]', '[data-theme="dark"]', ".vscode-dark", ".vscode-high-contrast",
                '[theme="dark"]')  # fmt: skip
"""What JupyterLab, documentation pages, VS Code and Colab say of themselves; it goes over what the system prefers."""


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--cst-{name}:{colour};" for name, colour in colours.items())


def _under(themes: tuple[str, ...]) -> str:
    return ",".join(f"{theme} .cst-view" for theme in themes)


STYLE = (
    f".cst-view{{{_variables(LIGHT)}color-scheme:light}}"
    f"@media (prefers-color-scheme:dark){{.cst-view{{{_variables(DARK)}color-scheme:dark}}}}"
    f"{_under(_DARK_THEMES)}{{{_variables(DARK)}color-scheme:dark}}"
    f"{_under(_LIGHT_THEMES)}{{{_variables(LIGHT)}color-scheme:light}}"
    """
.cst-view{background:var(--cst-back);color:var(--cst-text);border:1px solid var(--cst-line);border-radius:6px;
padding:.8em 1em;margin:.2em 0;font:14px/1.5 system-ui,sans-serif;max-width:60em;overflow-x:auto}
.cst-view .cst-head{margin-bottom:.6em;font-size:1.1em}
.cst-view .cst-said{display:flex;gap:.8em;margin:.2em 0}
.cst-view .cst-label{flex:0 0 5.5em;color:var(--cst-quiet)}
.cst-view .cst-text{flex:1 1 auto;min-width:0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}
.cst-view .cst-part{border-top:1px solid var(--cst-line);margin-top:.6em;padding-top:.6em}
.cst-view .cst-strong{font-weight:600}
.cst-view .cst-quiet{color:var(--cst-quiet)}
.cst-view .cst-name{color:var(--cst-name);font-weight:600}
.cst-view .cst-good{color:var(--cst-good)}
.cst-view .cst-bad{color:var(--cst-bad)}
.cst-view .cst-warn{color:var(--cst-warn)}
.cst-view .cst-gone{color:var(--cst-gone);background:var(--cst-gone-back);text-decoration:line-through}
.cst-view .cst-come{color:var(--cst-come);background:var(--cst-come-back);text-decoration:underline}
.cst-view .cst-fold{margin:.2em 0}
.cst-view .cst-fold summary{color:var(--cst-quiet);cursor:pointer}
.cst-view .cst-bar{display:flex;height:.8em;margin:.8em 0 .4em;border-radius:3px;overflow:hidden;gap:1px}
.cst-view .cst-share{display:block;min-width:2px}
.cst-view .cst-key{display:inline-block;width:.7em;height:.7em;margin-right:.5em;border-radius:2px}
.cst-view table.cst-grid{border-collapse:collapse;border:0;margin:.8em 0 .4em;font-size:1em;color:inherit}
.cst-view table.cst-grid caption{caption-side:top;text-align:left;font-weight:600;padding:0 0 .2em;color:inherit}
.cst-view table.cst-grid tr{background:none!important}
.cst-view table.cst-grid th,.cst-view table.cst-grid td{border:0;padding:.1em 1.2em .1em 0;text-align:left;
vertical-align:top;font-weight:400;max-width:none;white-space:normal;overflow-wrap:break-word}
.cst-view table.cst-grid th[scope=row]{white-space:nowrap}
.cst-view table.cst-grid .cst-number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.cst-view table.cst-grid thead th{color:var(--cst-quiet);border-bottom:1px solid var(--cst-line)}
.cst-view table.cst-grid tfoot th,.cst-view table.cst-grid tfoot td{font-weight:600;
border-top:1px solid var(--cst-line)}
""" + "".join(f".cst-view .cst-share{number}{{background:var(--cst-share{number})}}" for number in range(SHARES))
)

"""How the page looks: on a screen in light or dark, on a phone, on paper."""

from __future__ import annotations

PRETRAINED, TRAINED, SCRATCH = "#3B82C4", "#E8710A", "#9AA3AE"
"""What came with the model, what learnt, what it is compared with: the colours of the pages."""

STYLE = f"""
:root {{ color-scheme: light dark; --line: {SCRATCH}66; --soft: #5b6470; }}
@media (prefers-color-scheme: dark) {{ :root {{ --soft: #aab3bf; }} body {{ background: #14171c; color: #e8eaed; }} }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }}
h1 {{ font-size: 1.8rem; line-height: 1.2; }} h2 {{ font-size: 1.25rem; margin: 2.2rem 0 .5rem; }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .3rem; }}
table {{ border-collapse: collapse; margin: .6rem 0; }} th, td {{ padding: .25rem .7rem; text-align: right;
  overflow-wrap: normal; }} td {{ white-space: nowrap; }}
th[scope=row] {{ min-width: 8rem; }}
th:first-child, td:first-child {{ text-align: left; }} tr + tr {{ border-top: 1px solid var(--line); }}
.wide {{ overflow-x: auto; }} .big {{ font-size: 2.2rem; }} .note {{ color: var(--soft); font-size: .9rem; }}
svg {{ width: 100%; height: auto; }} .key {{ width: .8em; height: .8em; vertical-align: -.05em; }}
pre {{ white-space: pre-wrap; border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem;
  font-size: .85rem; }}
.cells {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 10rem), 1fr)); gap: .8rem;
  list-style: none; padding: 0; margin: .6rem 0; }}
.cells li {{ border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .6rem; font-size: .85rem; }}
.cells img {{ max-width: 100%; height: auto; display: block; margin-bottom: .3rem; border-radius: .2rem; }}
.broad {{ grid-template-columns: 1fr; }}
@media print {{
  body {{ max-width: none; margin: 0; font-size: 11pt; background: none; color: #000; }}
  :root {{ color-scheme: light; --soft: #333; }}
  section, table, .cells li, svg {{ break-inside: avoid; }} h2, h3 {{ break-after: avoid; }}
  table {{ font-size: 9pt; }} .wide {{ overflow: visible; }} pre {{ border-color: #999; }}
}}
"""

"""The look of every page: two palettes and one style sheet, for the screen and for paper.

Owns colours and type. Text has a contrast of at least 4.5 to 1 in either palette, which a test computes.
"""

#: Colours by role; ``ground`` is the background, ``raised`` a panel on it.
LIGHT = {
    "ground": "#fbfaf7", "raised": "#ffffff", "ink": "#1b2026", "soft": "#59616a", "rule": "#e3dfd6",
    "faint": "#efece5", "curve": "#1f4f82", "gain": "#1c7a56", "loss": "#b23a31", "carry": "#6a4c9c",
    "reverse": "#96590a", "band": "#ebe5d8", "focus": "#1f4f82", "idle": "#c9c8c5",
}  # fmt: skip
DARK = {
    "ground": "#13161a", "raised": "#191d22", "ink": "#e7e9ec", "soft": "#9da6af", "rule": "#2b3138",
    "faint": "#21262c", "curve": "#86b6ea", "gain": "#5fc49d", "loss": "#f0897f", "carry": "#b79cf0",
    "reverse": "#e3aa5b", "band": "#262b31", "focus": "#86b6ea", "idle": "#4a4f55",
}  # fmt: skip
#: Roles of text colours, on ``ground`` and on ``raised``.
TEXT_ROLES = ("ink", "soft", "curve", "gain", "loss", "carry", "reverse")


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--{role}:{colour};" for role, colour in palette.items())


_RULES = """
*{box-sizing:border-box}
:root{--serif:Charter,"Iowan Old Style",Georgia,"Liberation Serif","Times New Roman",serif;
 --sans:system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);line-height:1.5;
 font:15px/1.5 var(--sans)}
main,footer{max-width:1080px;margin:0 auto;padding:0 28px}
header.top{padding:52px 0 26px}
.kicker{margin:0 0 10px;color:var(--soft);font-size:12px;letter-spacing:.14em;text-transform:uppercase}
h1,h2{font-family:var(--serif);font-weight:400}
body{overflow-wrap:anywhere}
table{overflow-wrap:normal}
h1{font-size:34px;line-height:1.15;margin:0 0 10px;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:22px;line-height:1.25;margin:0 0 6px}
h3{font-size:13px;font-weight:600;margin:26px 0 6px}
p{margin:0 0 10px;max-width:70ch}
.lede{font-size:17px;line-height:1.5}
.soft,figcaption,caption,.note{color:var(--soft)}
section{border-top:1px solid var(--rule);padding:26px 0 22px}
.facts{display:grid;grid-template-columns:repeat(6,1fr);gap:20px 24px;margin:0;
 padding:22px 0 28px;border-top:2px solid var(--ink)}
.facts dt{color:var(--soft);font-size:12.5px;margin:0 0 2px}
.facts dd{margin:0;font-size:25px;line-height:1.2;letter-spacing:-.01em;font-variant-numeric:tabular-nums;
 font-family:var(--serif);white-space:nowrap}
.facts dd small{display:block;color:var(--soft);font-size:12.5px;letter-spacing:0;margin-top:3px;
 white-space:normal;font-family:var(--sans)}
.up{color:var(--gain)}.down{color:var(--loss)}
figure{margin:14px 0 4px}
figcaption{font-size:13px;max-width:86ch;margin-top:8px}
.plot{padding:24px 2px 30px 64px}
.plot+.plot{padding-top:14px}
.plot:has(.heat){padding-left:76px}
.chart{display:block;overflow:visible}
.chart text{font-size:11.5px;fill:var(--soft);font-variant-numeric:tabular-nums}
.chart .unit{font-size:12px}
.grid line{stroke:var(--rule);stroke-width:1;shape-rendering:crispEdges}
.grid line.faint{stroke:var(--faint)}
.ink{overflow:visible}
.ink path{vector-effect:non-scaling-stroke;fill:none;stroke-linejoin:round;stroke-linecap:round}
.ink .fill-curve,.fill-curve{fill:var(--curve);fill-opacity:.13;stroke:none}
.ink .fill-loss,.fill-loss{fill:var(--loss);fill-opacity:.22;stroke:none}
.ink .fill-range,.fill-range{fill:var(--curve);fill-opacity:.32;stroke:none}
.ink .fill-band,.fill-band{fill:var(--band);stroke:none}
.line-curve{stroke:var(--curve);stroke-width:1.2}
.line-all{stroke:var(--ink);stroke-width:1.8}
.line-s0{stroke:var(--curve);stroke-width:1.3}.line-s1{stroke:var(--reverse);stroke-width:1.3}
.line-s2{stroke:var(--carry);stroke-width:1.3}.line-s3{stroke:var(--gain);stroke-width:1.3}
.line-s4{stroke:var(--loss);stroke-width:1.3}.line-s5{stroke:var(--soft);stroke-width:1.3}
.ink .fill-touch,.fill-touch{fill:var(--idle);fill-opacity:.55;stroke:none}
.line-bid{stroke:var(--curve);stroke-width:1;stroke-opacity:.6}
.line-offer{stroke:var(--reverse);stroke-width:1;stroke-opacity:.6}
.dot-bought{stroke:var(--curve);stroke-width:5}.dot-sold{stroke:var(--reverse);stroke-width:5}
.line-thin{stroke:var(--curve);stroke-width:1}
.line-loss{stroke:var(--loss);stroke-width:1.2}
.line-zero{stroke:var(--soft);stroke-width:1;shape-rendering:crispEdges}
.line-exit{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}
.mark-cc{fill:var(--carry);stroke:var(--ground);stroke-width:.8}
.mark-reverse{fill:var(--reverse);stroke:var(--ground);stroke-width:.8}
.mark-exit{fill:var(--ground);stroke:var(--ink);stroke-width:1.3}
.mark-alarm{fill:var(--loss);stroke:var(--ground);stroke-width:.8}
.mark-refused{fill:none;stroke:var(--soft);stroke-width:1.5}
.state-active{fill:var(--gain);fill-opacity:.7}.state-reducing{fill:var(--reverse);fill-opacity:.85}
.state-halted{fill:var(--loss);fill-opacity:.85}
.rug{stroke-width:1;stroke-opacity:.75}
.rug.mark-cc{stroke:var(--carry)}.rug.mark-reverse{stroke:var(--reverse)}.rug.mark-exit{stroke:var(--ink)}
.rug.mark-alarm{stroke:var(--loss)}.rug.mark-refused{stroke:var(--soft)}
.bar-gain{fill:var(--gain);fill-opacity:.8}.bar-loss{fill:var(--loss);fill-opacity:.8}
.bar-total{fill:var(--curve);fill-opacity:.85}
.over rect:hover,.heat rect:hover{stroke:var(--ink);stroke-width:1}
.fill-gain{fill:var(--gain)}.fill-losses{fill:var(--loss)}
.fill-zero{fill:var(--raised);stroke:var(--rule)}.fill-idle{fill:var(--idle)}
.line-frame{stroke:var(--ink);stroke-width:2}
.heat .gain{fill:var(--gain)}.heat .loss{fill:var(--loss)}
.heat .zero{fill:var(--raised)}.heat .idle{fill:var(--idle)}
.heat .rows{fill:var(--curve)}
.heat .frame{fill:none;stroke:var(--ink);stroke-width:2;pointer-events:none}
.heat .frame-soft{fill:none;stroke:var(--ink);stroke-width:1;stroke-dasharray:2 2;pointer-events:none}
.hover rect{fill:transparent}
.hover line,.hover text{opacity:0;pointer-events:none}
.hover line{stroke:var(--ink);stroke-width:1;shape-rendering:crispEdges}
.hover text{fill:var(--ink);font-size:12px}
.hover g:hover line,.hover g.on line{opacity:.45}.hover g:hover text,.hover g.on text{opacity:1}
.live{cursor:crosshair;touch-action:pan-y}.live .hover g:not(.on) text{opacity:0}
.live:focus-visible{outline:2px solid var(--focus);outline-offset:6px}
.zoomed .ink{overflow:hidden}.away{display:none}
.zoom{font-size:13px;margin-top:8px}
.zoom button{font:inherit;color:var(--ink);background:var(--raised);padding:2px 9px;
 border:1px solid var(--rule)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0 0;padding:0;font-size:12.5px;
 color:var(--soft)}
.swatch{vertical-align:-1px;overflow:visible}
.swatch path,.swatch line{fill:none}
.swatch .mark-cc{fill:var(--carry)}.swatch .mark-reverse{fill:var(--reverse)}
.swatch .mark-exit{fill:var(--ground)}.swatch .mark-alarm{fill:var(--loss)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 44px}
.pair>*{min-width:0}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--focus);outline-offset:3px}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:13px;padding:0 0 8px}
th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--faint)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--rule);white-space:nowrap;
 vertical-align:bottom}
tbody th{font-weight:400}
tfoot th,tfoot td{border-top:1px solid var(--rule);border-bottom:0;font-weight:600}
.n{text-align:right;white-space:nowrap}
.w{white-space:nowrap}
details{margin:10px 0}summary{cursor:pointer;padding:4px 0}
td.left-out{text-align:center;color:var(--soft);padding:10px 0}
.code{font-family:ui-monospace,SFMono-Regular,Menlo,"Liberation Mono",monospace;font-size:11.5px;
 color:var(--soft)}
.top p{max-width:none}
.plain{font-size:14px;margin:0;padding-left:18px;max-width:74ch}
.plain li{margin:0 0 5px}
footer{color:var(--soft);font-size:12.5px;padding-top:22px;padding-bottom:48px}
footer p{max-width:none;border-top:1px solid var(--rule);padding-top:16px}
@media (max-width:960px){.facts{grid-template-columns:repeat(3,1fr)}}
@media (max-width:640px){
 main,footer{padding-left:18px;padding-right:18px}
 header.top{padding-top:30px}
 h1{font-size:26px}
 .lede{font-size:16px}
 .facts{grid-template-columns:1fr 1fr;gap:16px 18px}
 .facts dd{font-size:21px}
 .plot{padding-left:52px}
 caption{max-width:calc(100vw - 36px)}
 .chart .wide{display:none}
 .chart:hover .unit{visibility:hidden}
 .pair{grid-template-columns:1fr;row-gap:22px}
}
"""
_PAPER = """
 @page{margin:16mm 15mm}
 body{font-size:10pt;background:#fff}
 main,footer{max-width:none;padding-left:0;padding-right:0}
 header.top{padding-top:0}
 h1{font-size:22pt}h2{font-size:14pt;break-after:avoid}.lede{font-size:11.5pt}
 .facts{grid-template-columns:repeat(6,1fr)}.facts dd{font-size:15pt}
 section{padding:14pt 0 10pt}
 section,figure,.facts,tr{break-inside:avoid}
 h3{break-after:avoid}
 thead{display:table-header-group}tfoot{display:table-row-group}
 table,caption{font-size:8.4pt}
 .dense{font-size:6.6pt}.dense th,.dense td{padding-right:5pt}
 .dense thead th{white-space:normal}
 .scroll{overflow:visible}
 .hover,.zoom{display:none}
 .chart *,td,th{print-color-adjust:exact;-webkit-print-color-adjust:exact}
"""

#: The whole style sheet. Print always uses the light palette.
SHEET = (
    f":root{{{_variables(LIGHT)}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    f"{_RULES}@media print{{{_PAPER}}}"
)

"""The page's style sheet: light and dark by the reader's setting, prints on white."""

CSS = """
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#22262b;--soft:#5c6670;--line:#dfe3e6;--accent:#00598c;--good:#00694a;
--goodbg:#e2f4ec;--bad:#a33a00;--badbg:#fdeae0;--warnbg:#fff5d9;--warn:#6b4c00;--head:#f0f3f5}@media (prefers-color-scheme:dark){:root{
--bg:#14171a;--card:#1c2125;--ink:#e5e9ec;--soft:#a3adb6;--line:#353d44;--accent:#6fbcec;--good:#6fd8ae;--goodbg:#12362a;--bad:#ff9d6b;
--badbg:#43210f;--warnbg:#3b300f;--warn:#f0d58a;--head:#242a30}}*{box-sizing:border-box}body{margin:0;background:var(--bg);
color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}main{max-width:1210px;margin:0 auto;
padding:28px 24px 60px}h1{font-size:1.9rem;line-height:1.2;margin:0 0 4px}h2{font-size:1.3rem;margin:44px 0 10px;padding-top:14px;
border-top:1px solid var(--line)}h3{font-size:1.03rem;margin:26px 0 6px}p{margin:8px 0;max-width:80ch}
.soft,figcaption,.ci,.note{color:var(--soft)}.note{font-size:.9rem}nav{font-size:.92rem;margin:14px 0 0}
nav a{color:var(--accent);text-decoration:none;margin-right:16px;white-space:nowrap}nav a:hover{text-decoration:underline}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(235px,1fr));gap:14px;margin:22px 0 8px}
.tile{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--line);border-radius:8px;padding:13px 16px}
.tile .q{font-size:.78rem;text-transform:uppercase;letter-spacing:.06em;color:var(--soft)}.tile .a{font-size:1.26rem;font-weight:650;
line-height:1.3;margin:3px 0 5px}.tile .d{font-size:.87rem;line-height:1.42;color:var(--soft)}.tile .ci{font-weight:400}
.tile.yes{border-left-color:var(--good)}.tile.yes .a{color:var(--good)}.tile.no{border-left-color:var(--bad);background:var(--badbg)}
.tile.no .a{color:var(--bad)}.warn{background:var(--warnbg);color:var(--warn);border-radius:8px;padding:10px 16px;margin:16px 0}
.warn ul{margin:4px 0;padding-left:20px}.scroll{overflow-x:auto;margin:10px 0}table{border-collapse:collapse;font-size:.86rem;
font-variant-numeric:tabular-nums;background:var(--card)}th,td{padding:6px 8px;text-align:right;vertical-align:top;
border-bottom:1px solid var(--line);white-space:nowrap}thead th{background:var(--head);vertical-align:bottom;font-weight:600;
border-bottom:2px solid var(--line)}th:first-child{text-align:left;font-weight:600}table.dense th,table.dense td{padding:6px 6px}
table.dense thead th{white-space:normal}table.text td,table.text th{text-align:left}table.text td{white-space:normal}
tr.strong td,tr.strong th{font-weight:700;background:var(--head)}tr.strong .ci{font-weight:400}td .soft{font-weight:400;
white-space:normal;font-size:.86rem}.fig{cursor:help;white-space:nowrap}.fig:hover,.fig:focus{outline:none;
text-decoration:underline dotted}.fig sup{font-size:.66em;color:var(--accent);margin-left:2px;font-weight:700;line-height:0}
.fig .ci{display:block;font-size:.83em}.tile .fig .ci,p .fig .ci,dd .fig .ci,li .fig .ci{display:inline;margin-left:.35em}
.tile .fig .ci::before,p .fig .ci::before{content:"("}.tile .fig .ci::after,p .fig .ci::after{content:")"}
.na{color:var(--soft);font-style:italic;cursor:help}figure{margin:18px 0;background:#fff;border:1px solid var(--line);border-radius:8px;
padding:14px 14px 10px}figure img{display:block;max-width:100%;height:auto;margin:0 auto}figcaption{color:#555;font-size:.88rem;
margin-top:8px}dl{display:grid;grid-template-columns:minmax(120px,max-content) 1fr;gap:4px 20px;margin:10px 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}pre{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:13px 16px;overflow-x:auto;font:13.5px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}code{font:0.92em ui-monospace,
"DejaVu Sans Mono",monospace}summary{cursor:pointer;color:var(--accent);margin:8px 0}.legend{font-size:.88rem;color:var(--soft);
border:1px solid var(--line);border-radius:8px;padding:9px 15px;margin:12px 0}.legend b{color:var(--ink)}
.legend sup{color:var(--accent);font-weight:700}.legend p{max-width:none;margin:3px 0}footer{margin-top:46px;font-size:.85rem;
color:var(--soft)}@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#00598c;
--good:#00694a;--goodbg:#fff;--bad:#a33a00;--badbg:#fff;--warnbg:#fff;--warn:#000;--head:#f2f2f2}body{font-size:10.5pt}
main{max-width:none;padding:0}nav{display:none}h2{break-after:avoid;margin-top:22px}h3{break-after:avoid}
.tiles{grid-template-columns:repeat(4,1fr);gap:8px}.tile{padding:8px 10px}.tile .a{font-size:1.05rem}
figure,.tile,.warn,tr{break-inside:avoid}.scroll{overflow:visible}table{font-size:7.6pt}th,td{padding:3px 5px;white-space:normal}
pre{white-space:pre-wrap;font-size:8pt}details::details-content{content-visibility:visible;display:block;block-size:auto}
summary{list-style:none}}
"""

// The frame of a report as one page without scripts, light and dark.

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}svg text{font:13px system-ui,sans-serif}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}.sample{background:#f6f6f6;padding:.6rem;margin:.5rem 0;
white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}.gone{background:#fdf0ee}.why{color:#a33;font-weight:600}
summary{cursor:pointer;font-weight:600}.warn{color:#a33}.chosen td{font-weight:700}
@media (prefers-color-scheme:dark){body{background:#181818;color:#ddd}.sample{background:#242424}
.gone{background:#33201e}td,th{border-color:#444}svg text{fill:#ddd}}`;

export function reportPage(title: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style>` +
    `<h1>${escaped(title)}</h1>${body}</html>\n`
  );
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

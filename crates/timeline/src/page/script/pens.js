// Two ways to draw the same: on the canvas of the page, and into an SVG file. Both know rectangles, lines, shapes and words.

const FONT = "system-ui, sans-serif";
/** How wide a text is at a size of letters. Each character is measured once. */
const widthOf = (() => {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `100px ${FONT}`;
  const known = new Map();
  return (text, size) => {
    let width = 0;
    for (const character of text) {
      if (!known.has(character)) known.set(character, context.measureText(character).width / 100);
      width += known.get(character);
    }
    return width * size;
  };
})();

/** As much of a text as fits, or nothing. */
function fitting(text, width, size) {
  if (widthOf(text, size) <= width) return text;
  const room = width - widthOf("…", size);
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += widthOf(character, size);
    if (used > room) break;
    end += character.length;
  }
  return end > 2 ? `${text.slice(0, end)}…` : "";
}

/** Draws on a canvas. */
function canvasPen(context) {
  return {
    rect(x, y, width, height, fill, opacity = 1) {
      context.globalAlpha = opacity;
      context.fillStyle = fill;
      context.fillRect(x, y, width, height);
    },
    frame(x, y, width, height, stroke, thickness = 1) {
      context.globalAlpha = 1;
      context.strokeStyle = stroke;
      context.lineWidth = thickness;
      context.setLineDash([]);
      context.strokeRect(x, y, width, height);
    },
    /** A path in the words of SVG: `M`, `L`, `C`, `Z` and numbers. */
    path(path, { stroke, fill, thickness = 1, dash = [], opacity = 1 }) {
      const shape = new Path2D(path);
      context.globalAlpha = opacity;
      if (fill) {
        context.fillStyle = fill;
        context.fill(shape);
      }
      if (stroke) {
        context.strokeStyle = stroke;
        context.lineWidth = thickness;
        context.setLineDash(dash);
        context.stroke(shape);
      }
    },
    text(text, x, y, fill, { size = 11, bold = false, align = "left" } = {}) {
      context.globalAlpha = 1;
      context.font = `${bold ? "600 " : ""}${size}px ${FONT}`;
      context.textAlign = align;
      context.textBaseline = "middle";
      context.fillStyle = fill;
      context.fillText(text, x, y);
    },
    clipped(x, y, width, height, draw) {
      context.save();
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      draw();
      context.restore();
    },
  };
}

const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`).replace(/[^\P{C}\t\n]/gu, "");

/** Collects the elements of an SVG file. */
function svgPen() {
  const parts = [];
  let clips = 0;
  const round = (number) => Math.round(number * 100) / 100;
  const faint = (opacity) => (opacity < 1 ? ` opacity="${round(opacity)}"` : "");
  const box = (x, y, width, height) =>
    `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
  return {
    rect(x, y, width, height, fill, opacity = 1) {
      parts.push(`<rect ${box(x, y, width, height)} fill="${fill}"${faint(opacity)}/>`);
    },
    frame(x, y, width, height, stroke, thickness = 1) {
      parts.push(`<rect ${box(x, y, width, height)} fill="none" stroke="${stroke}" stroke-width="${thickness}"/>`);
    },
    path(path, { stroke = "none", fill = "none", thickness = 1, dash = [], opacity = 1 }) {
      const dashes = dash.length > 0 ? ` stroke-dasharray="${dash.join(" ")}"` : "";
      parts.push(`<path d="${path}" fill="${fill}" stroke="${stroke}" stroke-width="${thickness}"${dashes}${faint(opacity)}/>`);
    },
    text(text, x, y, fill, { size = 11, bold = false, align = "left" } = {}) {
      const anchor = { left: "start", center: "middle", right: "end" }[align];
      const weight = bold ? ` font-weight="600"` : "";
      parts.push(
        `<text x="${round(x)}" y="${round(y)}" fill="${fill}" font-size="${size}" text-anchor="${anchor}" ` +
          `dominant-baseline="central"${weight}>${escaped(text)}</text>`,
      );
    },
    clipped(x, y, width, height, draw) {
      const id = `clip${clips++}`;
      parts.push(`<clipPath id="${id}"><rect ${box(x, y, width, height)}/></clipPath><g clip-path="url(#${id})">`);
      draw();
      parts.push("</g>");
    },
    /** The file. */
    file(width, height, title, about) {
      return (
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
        `font-family="${FONT}"><title>${escaped(title)}</title><desc>${escaped(about)}</desc>${parts.join("\n")}</svg>\n`
      );
    },
  };
}

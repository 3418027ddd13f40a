// Two ways to draw the same: on the canvas of the page, and into an SVG file. Both know rectangles, lines, shapes and words.

const FONT = "system-ui, sans-serif";
/** How wide a character is, roughly, by the size of the letters. */
const CHARACTER = 0.56;

/** As much of a text as fits, or nothing. */
function fitting(text, width, size) {
  const most = Math.floor(width / (size * CHARACTER));
  if (text.length <= most) return text;
  return most > 3 ? `${text.slice(0, most - 1)}…` : "";
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

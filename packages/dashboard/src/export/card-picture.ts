// A card as one standalone SVG: title, sentence, charts with their axes, and legends, all with the styles they have on screen.
import { xmlFile } from "../format/xml-file.ts";
import { saveBlob } from "./save.ts";

const SVG = "http://www.w3.org/2000/svg";
const PADDING = 20;
const LINE = 19;

/** Properties that CSS sets on what charts consist of. */
const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "opacity",
  "font-size",
  "font-weight",
  "font-family",
  "text-anchor",
  "image-rendering",
  "display",
];

/**
 * @param card element with a `data-card-body`; SVG elements in it are kept as they are, and texts under `data-export="text"` become text
 * @returns the file's content
 */
export function cardToSvg(card: HTMLElement, title: string, sentence: string): string {
  const body = card.querySelector<HTMLElement>("[data-card-body]")!;
  const frame = body.getBoundingClientRect();
  const width = Math.ceil(frame.width) + 2 * PADDING;
  const page = getComputedStyle(card);
  const lines = wrapAt(sentence, Math.floor((width - 2 * PADDING) / 6.4));
  const top = PADDING + 28 + lines.length * LINE;
  const root = document.createElementNS(SVG, "svg");
  const height = Math.ceil(top + frame.height + PADDING);
  setAttributes(root, { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": page.fontFamily });
  const looks = new Looks(title);
  const charts = chartsOf(body, frame, top, looks);
  root.append(
    looks.style(),
    element("rect", { width, height, fill: page.backgroundColor }),
    text(title, PADDING, PADDING + 14, { "font-size": 15, "font-weight": 600, fill: page.color }),
    ...lines.map((line, place) =>
      text(line, PADDING, PADDING + 36 + place * LINE, { "font-size": 13, fill: page.color }),
    ),
    ...charts,
    ...textsOf(body, frame, top),
  );
  return xmlFile(new XMLSerializer().serializeToString(root));
}

/** Draws an SVG file at twice its size and saves it. */
export async function cardToPng(svg: string, name: string): Promise<void> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width * 2;
    canvas.height = image.height * 2;
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob === null)
      throw new Error(`a picture of ${canvas.width} × ${canvas.height} pixels is too large for this browser`);
    saveBlob(blob, name);
  } finally {
    URL.revokeObjectURL(url);
  }
}

function chartsOf(body: HTMLElement, frame: DOMRect, top: number, looks: Looks): Element[] {
  const outermost = [...body.querySelectorAll("svg")].filter((svg) => svg.parentElement?.closest("svg") === null);
  return outermost.map((svg) => {
    const copy = svg.cloneNode(true) as SVGSVGElement;
    takeLooks(svg, copy, looks);
    for (const left of copy.querySelectorAll('[data-export="no"]')) left.remove();
    const box = svg.getBoundingClientRect();
    setAttributes(copy, {
      x: PADDING + box.left - frame.left,
      y: top + box.top - frame.top,
      width: box.width,
      height: box.height,
    });
    return copy;
  });
}

/** The looks that elements of a picture have, each with the name of its class. */
class Looks {
  readonly #names = new Map<string, string>();
  readonly #prefix: string;

  /** @param title of the picture: where several stand in one page, their classes must differ */
  constructor(title: string) {
    this.#prefix = `card-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  }

  classOf(declarations: string): string {
    const known = this.#names.get(declarations);
    if (known !== undefined) return known;
    const name = `${this.#prefix}-${this.#names.size}`;
    this.#names.set(declarations, name);
    return name;
  }

  style(): Element {
    const made = element("style", {});
    made.textContent = Array.from(this.#names, ([declarations, name]) => `.${name}{${declarations}}`).join("\n");
    return made;
  }
}

/** In place of what the page says about an element stands a class that says how it looks. */
function takeLooks(from: Element, to: Element, looks: Looks): void {
  const computed = getComputedStyle(from);
  const values = STYLES.map((name) => [name, computed.getPropertyValue(name)] as const);
  const declarations = values.filter(([, value]) => value !== "").map(([name, value]) => `${name}:${value}`);
  for (const [name] of values) to.removeAttribute(name);
  to.removeAttribute("style");
  to.setAttribute("class", looks.classOf(declarations.join(";")));
  for (const [place, child] of [...from.children].entries()) takeLooks(child, to.children[place]!, looks);
}

/** HTML texts, line by line, and the chips of legends, where they stand on screen. */
function textsOf(body: HTMLElement, frame: DOMRect, top: number): Element[] {
  const place = (box: DOMRect) => ({ x: PADDING + box.left - frame.left, y: top + box.top - frame.top });
  return [...body.querySelectorAll<HTMLElement>('[data-export="text"], .chip')].flatMap((source) => {
    const style = getComputedStyle(source);
    if (source.classList.contains("chip")) {
      const box = source.getBoundingClientRect();
      return [
        element("rect", { ...place(box), width: box.width, height: box.height, rx: 3, fill: style.backgroundColor }),
      ];
    }
    const look = { "font-size": style.fontSize, "font-weight": style.fontWeight, fill: style.color };
    return linesOf(source).map(({ content, box }) => {
      const { x, y } = place(box);
      return text(content, x, y + box.height / 2 + Number.parseFloat(style.fontSize) * 0.35, look);
    });
  });
}

/** The lines that the browser broke a text into, with the box of the first word of each. */
function linesOf(source: HTMLElement): { content: string; box: DOMRect }[] {
  const lines: { content: string; box: DOMRect }[] = [];
  const node = source.firstChild;
  if (!(node instanceof Text)) return lines;
  for (const word of node.data.matchAll(/\S+/g)) {
    const range = document.createRange();
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    const box = range.getBoundingClientRect();
    const line = lines.at(-1);
    if (line !== undefined && Math.abs(line.box.top - box.top) < 2) line.content += ` ${word[0]}`;
    else lines.push({ content: word[0], box });
  }
  return lines;
}

function text(content: string, x: number, y: number, attributes: Record<string, string | number>): Element {
  const made = element("text", { x, y, ...attributes });
  made.textContent = content;
  return made;
}

function element(name: string, attributes: Record<string, string | number>): Element {
  const made = document.createElementNS(SVG, name);
  setAttributes(made, attributes);
  return made;
}

function setAttributes(target: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, String(value));
}

function wrapAt(content: string, letters: number): string[] {
  const lines = [""];
  for (const word of content.split(" ")) {
    if (lines.at(-1)!.length + word.length >= letters) lines.push(word);
    else lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
  }
  return lines;
}

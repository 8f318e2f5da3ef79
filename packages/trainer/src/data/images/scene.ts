// Scenes of one or two coloured shapes: drawn at random, painted as a picture, described in words.
import type { Random } from "../random.ts";
import { pictureBytes, pictureSide } from "./picture.ts";

export interface Thing {
  shape: keyof typeof shapes;
  colour: keyof typeof colours;
  size: keyof typeof sizes;
  place: keyof typeof places;
}

/** Things in different places. */
export type Scene = Thing[];

/** Whether a point is inside, for a shape of radius 1 around the origin; y grows downwards. */
export const shapes = {
  circle: (x: number, y: number) => x * x + y * y <= 1,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  triangle: (x: number, y: number) => y <= 0.8 && y >= -1 && Math.abs(x) <= (y + 1) / 1.8,
  diamond: (x: number, y: number) => Math.abs(x) + Math.abs(y) <= 1,
  cross: (x: number, y: number) =>
    Math.min(Math.abs(x), Math.abs(y)) <= 0.33 && Math.max(Math.abs(x), Math.abs(y)) <= 1,
  ring: (x: number, y: number) => x * x + y * y <= 1 && x * x + y * y >= 0.3,
};

export const colours = {
  red: [214, 48, 49],
  green: [39, 174, 96],
  blue: [41, 98, 255],
  yellow: [241, 196, 15],
  purple: [142, 68, 173],
  orange: [230, 126, 34],
  black: [30, 30, 34],
  white: [250, 250, 250],
} as const;

/** Radius in pixels. */
export const sizes = { small: 3.4, large: 5 };

/** Centre, in pixels from the upper left corner. */
export const places = {
  "top left": [6, 6],
  "top middle": [16, 6],
  "top right": [26, 6],
  "middle left": [6, 16],
  centre: [16, 16],
  "middle right": [26, 16],
  "bottom left": [6, 26],
  "bottom middle": [16, 26],
  "bottom right": [26, 26],
} as const;

const keys = <Table extends object>(table: Table) => Object.keys(table) as (keyof Table)[];
const [shapeNames, colourNames, sizeNames, placeNames] = [keys(shapes), keys(colours), keys(sizes), keys(places)];

/** Grey levels that backgrounds lie between: every colour stands out from them. */
const [darkest, brightest] = [120, 190];

export function drawScene(random: Random): Scene {
  const things = random.between(1, 2);
  const free = [...placeNames];
  return Array.from({ length: things }, () => {
    const [place] = free.splice(random.below(free.length), 1);
    return {
      shape: random.pick(shapeNames),
      colour: random.pick(colourNames),
      size: random.pick(sizeNames),
      place: place!,
    };
  });
}

/** The same for two scenes that show the same things. */
export function sceneKey(scene: Scene): string {
  const describe = ({ shape, colour, size, place }: Thing) => `${size} ${colour} ${shape} ${place}`;
  return scene.map(describe).sort().join(", ");
}

/** @returns [32, 32, 3] RGB; background and exact places vary within a scene */
export function paintScene(scene: Scene, random: Random): Uint8Array {
  const picture = new Uint8Array(pictureBytes).fill(random.between(darkest, brightest));
  for (const thing of scene) paint(picture, thing, random);
  return picture;
}

function paint(picture: Uint8Array, { shape, colour, size, place }: Thing, random: Random): void {
  const jitter = () => random.uniform() * 1.6 - 0.8;
  const [x, y] = [places[place][0] + jitter(), places[place][1] + jitter()];
  const radius = sizes[size];
  const isInside = shapes[shape];
  const rgb = colours[colour];
  for (let row = Math.floor(y - radius); row <= y + radius; row++) {
    for (let column = Math.floor(x - radius); column <= x + radius; column++) {
      if (row < 0 || column < 0 || row >= pictureSide || column >= pictureSide) continue;
      if (!isInside((column + 0.5 - x) / radius, (row + 0.5 - y) / radius)) continue;
      const at = (row * pictureSide + column) * 3;
      for (let c = 0; c < 3; c++) picture[at + c] = rgb[c]!;
    }
  }
}

/** One of several wordings, all true of the scene. */
export function describeScene(scene: Scene, random: Random): string {
  const [first, second] = random.below(2) === 0 ? scene : [...scene].reverse();
  if (!second) return sentence(random.pick(ofOne)(noun(first!, random), placed(first!)));
  return sentence(random.pick(ofTwo)(noun(first!, random), placed(first!), noun(second, random), placed(second)));
}

type OfOne = (thing: string, place: string) => string;
type OfTwo = (a: string, placeOfA: string, b: string, placeOfB: string) => string;

const ofOne: OfOne[] = [
  (thing, place) => `${thing} ${place}`,
  (thing, place) => `there is ${thing} ${place}`,
  (thing, place) => `${place}, ${thing}`,
  (thing, place) => `a picture of ${thing} ${place}`,
  (thing, place) => `${place} you see ${thing}`,
];

const ofTwo: OfTwo[] = [
  (a, placeOfA, b, placeOfB) => `${a} ${placeOfA} and ${b} ${placeOfB}`,
  (a, placeOfA, b, placeOfB) => `${placeOfA} ${a}, ${placeOfB} ${b}`,
  (a, placeOfA, b, placeOfB) => `there is ${a} ${placeOfA}, and ${b} ${placeOfB}`,
  (a, placeOfA, b, placeOfB) => `a picture with ${a} ${placeOfA} and ${b} ${placeOfB}`,
];

/** The size is sometimes left out, as people do. */
function noun({ shape, colour, size }: Thing, random: Random): string {
  const words = random.below(2) === 0 ? `${size} ${colour} ${shape}` : `${colour} ${shape}`;
  return /^[aeio]/.test(words) ? `an ${words}` : `a ${words}`;
}

function placed({ place }: Thing): string {
  return place.startsWith("middle") ? `on the ${place}` : `in the ${place}`;
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.\n`;
}

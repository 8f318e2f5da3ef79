// A part of a `tokenizer.json`, read by name: what is missing or of another kind is refused with its place in the file.
import { DataError } from "../data-error.ts";

type Values = Record<string, unknown>;

export class FilePart {
  /**
   * @param place for people to read, as in `tokenizer.json: normalizer`
   * @throws DataError when the values are no object
   */
  constructor(
    readonly place: string,
    readonly values: Values,
  ) {
    if (!isObject(values)) this.refuse(`is ${JSON.stringify(values)?.slice(0, 80)}; an object is allowed`);
  }

  get type(): string {
    return this.text("type");
  }

  /** @throws DataError always, with the place before the message */
  refuse(message: string): never {
    throw new DataError(`${this.place} ${message}`);
  }

  /** @param otherwise when the file does not say; without it the name is needed */
  flag(name: string, otherwise?: boolean): boolean {
    return this.value(name, "true or false", (value) => typeof value === "boolean", otherwise);
  }

  text(name: string, otherwise?: string): string {
    return this.value(name, "a text", (value) => typeof value === "string", otherwise);
  }

  /** Of a text that may be null or missing. */
  optionalText(name: string): string | undefined {
    return (this.values[name] ?? null) === null ? undefined : this.text(name);
  }

  wholeNumber(name: string, otherwise?: number): number {
    const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
    return this.value(name, "a whole number", isWhole, otherwise);
  }

  oneOf<const Choice extends string>(name: string, choices: readonly Choice[], otherwise?: Choice): Choice {
    const isChoice = (value: unknown): value is Choice => (choices as readonly unknown[]).includes(value);
    return this.value(name, choices.join(", "), isChoice, otherwise);
  }

  /** Token to number. */
  numbers(name: string): Map<string, number> {
    const entries = Object.entries(this.value(name, "an object", isObject));
    for (const [token, id] of entries) {
      if (!Number.isSafeInteger(id) || (id as number) < 0)
        this.refuse(`has ${name}["${token}"] = ${JSON.stringify(id)}; whole numbers are allowed`);
    }
    return new Map(entries as [string, number][]);
  }

  list(name: string): unknown[] {
    return this.value(name, "a list", (value) => Array.isArray(value));
  }

  /** A part that may be null or missing. */
  optionalPart(name: string): FilePart | undefined {
    const value = this.values[name] ?? null;
    return value === null ? undefined : new FilePart(`${this.place}.${name}`, value as Values);
  }

  part(name: string): FilePart {
    return this.optionalPart(name) ?? this.refuse(`has no ${name}`);
  }

  parts(name: string): FilePart[] {
    return this.list(name).map((value, index) => new FilePart(`${this.place}.${name}[${index}]`, value as Values));
  }

  private value<T>(name: string, allowed: string, isAllowed: (value: unknown) => value is T, otherwise?: T): T {
    const value = this.values[name] ?? otherwise;
    if (isAllowed(value)) return value;
    return this.refuse(`has ${name} = ${JSON.stringify(value)?.slice(0, 80)}; ${allowed} is allowed`);
  }
}

/** Looks up what a part's `type` names. @throws DataError when nothing has the name */
export function kindOf<Kind>(part: FilePart, kinds: Readonly<Record<string, Kind>>): Kind {
  if (Object.hasOwn(kinds, part.type)) return kinds[part.type]!;
  return part.refuse(`has type "${part.type}", which is not supported; supported: ${Object.keys(kinds).join(", ")}`);
}

function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

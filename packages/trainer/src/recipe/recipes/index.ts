// The recipes by name; each derives from the one before it that is nearest.
import type { NamedRecipe } from "../recipe.ts";
import { demo } from "./demo.ts";
import { light } from "./light.ts";
import { quick } from "./quick.ts";
import { reference } from "./reference.ts";
import { trends } from "./trends.ts";

export const recipes: Record<string, NamedRecipe> = { demo, quick, light, reference, trends };

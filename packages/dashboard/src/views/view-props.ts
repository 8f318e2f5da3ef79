// What every view is given.
import type { Theme } from "../address/address.ts";
import type { Scene } from "../data/scene.ts";

export interface ViewProps {
  scene: Scene;
  theme: Theme;
}

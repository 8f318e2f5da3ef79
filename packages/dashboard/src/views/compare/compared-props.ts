// What every card of Compare is given.
import type { ViewProps } from "../view-props.ts";
import type { Arm } from "./arms.ts";
import type { Compared } from "./use-compared.ts";

export interface ComparedProps extends ViewProps {
  compared: Compared;
  arms: readonly Arm[];
  pair: { baseline: Arm | undefined; against: Arm | undefined };
}

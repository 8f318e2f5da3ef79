// What the words on screen mean, for a newcomer who hovers or focuses them.
export const TERMS = {
  MaxVio:
    "Maximal violation: how far the busiest expert of a layer is above its fair share, (max n − mean n) / mean n. 0 is balanced; E/k − 1, all tokens to the same k experts, is the most possible. Batch: of one step.",
  "global MaxVio":
    "MaxVio of the loads added up over a window of steps: imbalances of single batches that cancel out do not count. It is never above the mean of the batches.",
  CV: "Coefficient of variation: the standard deviation of the loads of a layer's experts, divided by their mean. 0 is balanced. Of the loads added up over a window of steps.",
  entropy:
    "Entropy of how the load is spread over a layer's experts, divided by the most possible. 1 is balanced, 0 means that one expert takes everything. Of the loads added up over a window of steps.",
  "relative load":
    "Assignments of an expert divided by the mean over the layer's experts. 1 is balanced, 2 twice the fair share, E/k the most possible.",
  "expert load": "Token-to-expert assignments an expert got. With top-k routing every token makes k of them.",
  "dead expert": "An expert that gets less than 1 % of its fair share.",
  "gate mass":
    "Sum over tokens of the weight that the router gives to an expert's answer: how much it is listened to. An expert with load and next to no gate mass is as useless as a dead one. Its share is also called importance.",
  "selection bias":
    "What bias-based balancing adds to an expert's score when experts are chosen. It does not change the weight of the expert's answer.",
  strategy: "How the run keeps the load of its experts balanced.",
  split:
    "Train: the steps that change the weights. Eval: validation batches. Probe: a fixed batch asked again and again. Rollout: tokens generated for reinforcement learning.",
  bucket:
    "Long runs are shown at screen resolution: neighbouring steps share a point. Means are exact, and the extremes stay visible as a band.",
} as const;

export type TermName = keyof typeof TERMS;

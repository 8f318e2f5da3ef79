// Lists of chosen experts, [T, K] row-major: the experts of a token stand one after another, its first choice first. A place may hold −1,
// no choice, where a strategy gives some tokens fewer experts than others (expert choice, arXiv 2202.09368).

/** @throws RangeError when `choices` is no whole number of tokens */
export function tokensIn(choices: ArrayLike<number>, topK: number): number {
  if (!Number.isInteger(topK) || topK < 1) throw new RangeError(`top-k of ${topK}; allowed is a whole number above 0`);
  if (choices.length % topK !== 0) {
    throw new RangeError(`${choices.length} choices are no whole number of tokens with ${topK} choices each`);
  }
  return choices.length / topK;
}

/** @throws RangeError when the two are not of the same tokens */
export function tokensInBoth(a: ArrayLike<number>, b: ArrayLike<number>, topK: number): number {
  const tokens = tokensIn(a, topK);
  if (b.length !== a.length) {
    throw new RangeError(`${a.length} and ${b.length} choices cannot be of the same tokens with ${topK} choices each`);
  }
  return tokens;
}

/** How many of the choices that a token makes in `a` it makes in `b` too, whatever their order. */
export function sharedChoices(a: ArrayLike<number>, b: ArrayLike<number>, token: number, topK: number): number {
  let shared = 0;
  for (let place = token * topK; place < (token + 1) * topK; place++) {
    if (a[place]! >= 0 && makesChoice(b, token, topK, a[place]!)) shared++;
  }
  return shared;
}

/** How many experts a token chose. */
export function choicesMade(choices: ArrayLike<number>, token: number, topK: number): number {
  let made = 0;
  for (let place = token * topK; place < (token + 1) * topK; place++) if (choices[place]! >= 0) made++;
  return made;
}

function makesChoice(choices: ArrayLike<number>, token: number, topK: number, expert: number): boolean {
  for (let place = token * topK; place < (token + 1) * topK; place++) if (choices[place] === expert) return true;
  return false;
}

// A heap of numbers, the smallest on top.
export class NumberHeap {
  private readonly numbers: number[] = [];

  push(number: number): void {
    const { numbers } = this;
    let place = numbers.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (numbers[parent]! <= number) break;
      numbers[place] = numbers[parent]!;
      place = parent;
    }
    numbers[place] = number;
  }

  pop(): number | undefined {
    const { numbers } = this;
    const top = numbers[0];
    const last = numbers.pop();
    if (numbers.length > 0) this.sink(last!);
    return top;
  }

  /** Puts a number in the place of the top, and down to where it belongs. */
  private sink(number: number): void {
    const { numbers } = this;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= numbers.length) break;
      if (child + 1 < numbers.length && numbers[child + 1]! < numbers[child]!) child++;
      if (numbers[child]! >= number) break;
      numbers[place] = numbers[child]!;
      place = child;
    }
    numbers[place] = number;
  }
}

// What an asynchronous iterable gives, all of it (Array.fromAsync, which Node 20 does not have).
export async function gathered<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

// Answers of a collector's API, decoded.

/** @param address of a route that answers this message */
export async function readApi<Message>(
  type: { decode(bytes: Uint8Array): Message },
  address: string,
): Promise<Message> {
  const answer = await fetch(address, { headers: { Accept: "application/x-protobuf" } });
  if (answer.status !== 200) throw new Error(`${address} answers ${answer.status}: ${await answer.text()}`);
  return type.decode(new Uint8Array(await answer.arrayBuffer()));
}

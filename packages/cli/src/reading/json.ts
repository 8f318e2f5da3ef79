// A message as the JSON that the API answers with.

interface MessageType<Message> {
  toObject(message: Message, options: object): object;
}

/** Enums as words, absent fields with their defaults, NaN as "NaN". */
export function asJson<Message>(type: MessageType<Message>, message: Message): object {
  return type.toObject(message, { json: true, enums: String, defaults: true, arrays: true, objects: true });
}

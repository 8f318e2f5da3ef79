// Data that cannot be used: the message names what was given and what is allowed.
export class DataError extends Error {
  override name = "DataError";
}

/** For `catch`: what the system says of a path, with the path first. */
export function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    const { message } = cause as Error;
    throw new DataError(`${path} cannot be read: ${message}; files that this user may read are allowed`, { cause });
  };
}

// What one may do here, and the roles that a token gives.

/** To report runs, to look at them, to write on them what everybody sees, to delete them. */
export type Right = "write" | "read" | "annotate" | "delete";

export const ROLES = {
  write: ["write"],
  read: ["read"],
  both: ["write", "read", "annotate"],
  admin: ["write", "read", "annotate", "delete"],
} as const satisfies Record<string, readonly Right[]>;

export type Role = keyof typeof ROLES;

export const ROLE_NAMES = Object.keys(ROLES) as [Role, ...Role[]];

export function allows(role: Role, right: Right): boolean {
  return (ROLES[role] as readonly Right[]).includes(right);
}

/** @returns names of the roles that have the right, as in "read, both or admin" */
export function rolesWith(right: Right): string {
  const names = ROLE_NAMES.filter((role) => allows(role, right));
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

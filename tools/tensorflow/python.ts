// The user's Python: a way to fetch a wheel, to unpack it, and perhaps to a TensorFlow that is already installed.
import { CommandFailed, runCommand } from "./command.ts";
import { TensorflowUnavailable } from "./outcome.ts";

export interface Python {
  command: string;
  /** How to run pip, as in `["python3", "-m", "pip"]`. */
  pip: [string, ...string[]];
}

const INTERPRETERS = ["python3", "python"];
const PIPS = ["pip3", "pip"];

/** @throws TensorflowUnavailable when there is no Python 3, or none with pip */
export async function findPython(signal?: AbortSignal): Promise<Python> {
  const found: string[] = [];
  for (const command of INTERPRETERS) {
    if (await works([command, "-c", "import sys; assert sys.version_info >= (3, 8)"], signal)) found.push(command);
  }
  const command = found[0];
  if (command === undefined) throw new TensorflowUnavailable("Python 3 was not found", install("python3 python3-pip"));
  for (const pip of [...found.map((python) => [python, "-m", "pip"]), ...PIPS.map((name) => [name])]) {
    if (await works([...pip, "--version"], signal)) return { command, pip: pip as Python["pip"] };
  }
  throw new TensorflowUnavailable(
    `${command} has no pip`,
    `Run \`${command} -m ensurepip\` or ${install("python3-pip", "")}`,
  );
}

function install(packages: string, verb = "Install it: "): string {
  return `${verb}\`apt-get install ${packages}\`, or your system's way.`;
}

async function works([command, ...args]: string[], signal?: AbortSignal): Promise<boolean> {
  try {
    await runCommand(command!, args, { signal });
    return true;
  } catch (error) {
    if (error instanceof CommandFailed) return false;
    throw error;
  }
}

// Finds the package without importing it, which would take seconds.
const FIND_INSTALLED = `
import importlib.metadata, importlib.util, json, sys
name, version = sys.argv[1:]
sys.path = [place for place in sys.path if place]  # not the working directory: a folder there may be called tensorflow too
spec = importlib.util.find_spec("tensorflow")
try:
    same = importlib.metadata.version(name) == version
except importlib.metadata.PackageNotFoundError:
    same = False
places = list(spec.submodule_search_locations or []) if spec and same else []
print(json.dumps(places[0] if places else None))
`;

/** Folder of the installed distribution of exactly this version, or undefined. */
export async function installedTensorflow(
  python: Python,
  distribution: string,
  version: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const answer = await runCommand(python.command, ["-c", FIND_INSTALLED, distribution, version], { signal });
  return (JSON.parse(answer) as string | null) ?? undefined;
}

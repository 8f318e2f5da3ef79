// Adds to package-lock.json the optional platform packages that it lacks: `node tools/complete-lockfile.mjs` after `npm install`.
//
// A registry that mirrors only some platforms makes npm write a lock file without the others, and `npm ci` then refuses it on every
// machine. An entry with its version and platform is enough: npm leaves out what is for another system and looks up the rest by name.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const lock = JSON.parse(readFileSync(file, "utf8"));
const missing = missingOptionalPackages(lock);
for (const [name, version] of missing) lock.packages[`node_modules/${name}`] = entry(name, version);
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(missing.length === 0 ? "Nothing was missing" : `Added ${missing.map(([name]) => name).join(", ")}`);

/** [name, version] of each optional dependency of a locked package that has no entry anywhere above that package. */
function missingOptionalPackages({ packages }) {
  const found = new Map();
  for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (/^\d/.test(version) && !isLocked(packages, path, name)) found.set(name, version);
    }
  }
  return [...found];
}

function isLocked(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`]) return true;
    if (folder === "" || !folder.includes("/node_modules/")) return Boolean(packages[`node_modules/${name}`]);
  }
}

function entry(name, version) {
  const words = name.split(/[-/]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = words.includes("musl") ? ["musl"] : [];
  if (os.length === 0) throw new Error(`${name} does not say which system it is for; add its entry by hand`);
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    os,
    ...(name.startsWith("@biomejs/") || name.startsWith("@nx/") ? { dev: true } : {}),
  };
}

// Builds the dashboard into dist/app, which the collector serves; `npm run dev` proxies the API to a running collector.
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** What a first visit may load, bytes compressed: everything that `index.html` needs before a view is opened. */
const FIRST_LOAD = 300_000;

export default defineConfig({
  plugins: [react(), firstLoadBudget()],
  build: { outDir: "dist/app", emptyOutDir: true, target: "es2022", sourcemap: false, chunkSizeWarningLimit: 800 },
  server: { host: "127.0.0.1", proxy: { "/api": "http://127.0.0.1:4680" } },
});

/** Fails the build when the entry, all that it imports at once, and their styles are larger than the budget. */
function firstLoadBudget(): Plugin {
  return {
    name: "moescope-first-load-budget",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const needed = new Set<string>();
        const need = (file: string) => {
          const chunk = bundle[file];
          if (needed.has(file) || chunk?.type !== "chunk") return;
          needed.add(file);
          for (const style of chunk.viteMetadata?.importedCss ?? []) needed.add(style);
          chunk.imports.forEach(need);
        };
        for (const output of Object.values(bundle))
          if (output.type === "chunk" && output.isEntry) need(output.fileName);
        const bytes = [...needed].reduce((sum, file) => sum + compressed(bundle[file]!), 0);
        const text = `first load: ${bytes} bytes compressed, ${needed.size} files`;
        if (bytes > FIRST_LOAD) this.error(`${text}; at most ${FIRST_LOAD} are allowed`);
        this.info(text);
      },
    },
  };
}

function compressed(output: { type: "chunk"; code: string } | { type: "asset"; source: string | Uint8Array }): number {
  return gzipSync(output.type === "chunk" ? output.code : output.source).length;
}

// Builds the dashboard into dist/app, which the collector serves; `npm run dev` proxies the API to a running collector.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: { outDir: "dist/app", emptyOutDir: true, target: "es2022", sourcemap: false, chunkSizeWarningLimit: 600 },
  server: { host: "127.0.0.1", proxy: { "/api": "http://127.0.0.1:4680" } },
});

// Starts the dashboard.
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { currentAddress } from "./address/use-address.ts";
import { queries } from "./data/collector.ts";
import { RUN_LIST } from "./data/use-runs.ts";
import { VIEW } from "./views/registry.ts";
import "./theme/theme.css";
import "./frame/frame.css";

// The view's code and the list of runs are on their way while the page is put together.
VIEW[currentAddress().view].prepare();
void queries.prefetchQuery(RUN_LIST);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);

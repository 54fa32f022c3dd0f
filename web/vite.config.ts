import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// Nothing here reads the environment: the committed bundle is compared byte for byte with a fresh one. Names carry no hashes; the
// daemon serves every file with a strong ETag.
export default defineConfig({
  base: "/",
  envPrefix: "NOTHING_OF_THE_ENVIRONMENT_",
  plugins: [preact({ prefreshEnabled: false, devToolsEnabled: false, prerender: { enabled: false } })],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
    rollupOptions: {
      input: { app: "index.html", in: "in.html" },
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        // What the lazy pages share with the first load belongs to the first load: one script, not two.
        codeSplitting: { groups: [{ name: "app", test: (id: string) => !/\/src\/pages\/|\/uplot\/|\/in\.(ts|html|css)/.test(id) }] },
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
});

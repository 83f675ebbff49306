// Builds static/ from healthhub/web/assets and the npm packages: `npm run build`.
//
//   healthhub/web/assets/healthhub.scss    -> static/healthhub.css   (may @use "nhsuk-frontend/…"; fonts are url("fonts/…"))
//   healthhub/web/assets/{js,icons,…}/     -> static/{js,icons,…}/
//   Be Vietnam Pro, upright, 400-700       -> static/fonts/be-vietnam-pro-{vietnamese,latin-ext,latin}-{weight}-normal.woff2
//   nhsuk-frontend's icons                 -> static/images/      ($nhsuk-images-path: "images/")
//   htmx, nhsuk-frontend (an ES module)    -> static/htmx.min.js, static/nhsuk-frontend.min.js
//
// A whole new folder takes the old one's place at the end, so a failed build leaves the old one as it was.

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as sass from "sass"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const assets = join(root, "healthhub/web/assets")
const packages = join(root, "node_modules")
const built = join(root, "static.new")

rmSync(built, { recursive: true, force: true })
mkdirSync(join(built, "fonts"), { recursive: true })

for (const entry of readdirSync(assets, { withFileTypes: true })) {
  if (entry.isDirectory() && entry.name !== "scss") cpSync(join(assets, entry.name), join(built, entry.name), { recursive: true })
  if (!entry.name.endsWith(".scss") || entry.name.startsWith("_")) continue
  const { css } = sass.compile(join(assets, entry.name), { loadPaths: [packages], style: "compressed", quietDeps: true })
  writeFileSync(join(built, entry.name.replace(/\.scss$/, ".css")), css)
}

const fonts = join(packages, "@fontsource/be-vietnam-pro/files")
for (const name of readdirSync(fonts)) {
  if (/-(vietnamese|latin-ext|latin)-[4-7]00-normal\.woff2$/.test(name)) cpSync(join(fonts, name), join(built, "fonts", name))
}
const icons = join(packages, "nhsuk-frontend/dist/nhsuk/assets/images")
for (const name of readdirSync(icons)) {
  if (/^nhsuk-icon-[a-z-]+\.svg$/.test(name)) cpSync(join(icons, name), join(built, "images", name))
}
cpSync(join(packages, "htmx.org/dist/htmx.min.js"), join(built, "htmx.min.js"))
cpSync(join(packages, "nhsuk-frontend/dist/nhsuk/nhsuk-frontend.min.js"), join(built, "nhsuk-frontend.min.js"))

const target = join(root, "static")
if (existsSync(target)) rmSync(target, { recursive: true })
renameSync(built, target)
console.log(`static/: ${readdirSync(target, { recursive: true }).length} files`)

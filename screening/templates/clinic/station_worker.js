// Keeps the station's page and its assets on the device. It never touches people's data: those are in the vault.

const NAME = "station"
const KEPT = {{ kept|safe }}
const PATIENCE = 4000 // ms; a network that answers later than this counts as none

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(KEPT)).then(() => self.skipWaiting()))
})

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()))

// The network first, so that a new version shows at once; what is kept if there is none.
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== "GET" || origin !== location.origin) return
  if (KEPT.includes(pathname)) event.respondWith(fresh(event.request, pathname))
  else if (mode === "navigate") event.respondWith(fetch(event.request).catch(() => caches.match(KEPT[0])))
})

async function fresh(request, pathname) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) })
    if (answer.ok) await (await caches.open(NAME)).put(pathname, answer.clone())
    return answer
  } catch {
    return caches.match(pathname)
  }
}

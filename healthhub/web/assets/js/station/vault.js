// The device's memory: everything about people is encrypted (AES-GCM 256) with a key made from the worker's passphrase
// (PBKDF2-SHA-256, 600,000 rounds). The key lives in this page alone; closing or locking it forgets the key.

const ROUNDS = 600_000
let key = null

const asked = (request) =>
  new Promise((done, failed) => {
    request.onsuccess = () => done(request.result)
    request.onerror = () => failed(request.error)
  })

async function store(name, mode = "readonly") {
  const opening = indexedDB.open("healthhub-station", 1)
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("kept")
    opening.result.createObjectStore("queue")
  }
  const database = await asked(opening)
  const transaction = database.transaction(name, mode)
  transaction.oncomplete = () => database.close()
  return transaction.objectStore(name)
}

// About the list, readable while locked: whose it is and until when. Nothing about people.
export const about = async () => asked((await store("kept")).get("about"))
export const isOpen = () => key !== null
export const lock = () => (key = null)

// Make or open the vault. False if the passphrase is wrong.
export async function unlock(passphrase) {
  const held = await asked((await store("kept")).get("lock"))
  const salt = held?.salt ?? crypto.getRandomValues(new Uint8Array(16))
  const raw = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase), "PBKDF2", false, ["deriveKey"])
  const from = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS }
  const made = await crypto.subtle.deriveKey(from, raw, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"])
  if (held) {
    try {
      await opened(made, held.proof)
    } catch {
      return false
    }
  } else {
    const proof = await sealed(made, "open")
    await asked((await store("kept", "readwrite")).put({ salt, proof }, "lock"))
  }
  key = made
  return true
}

export async function keepList(list) {
  const secret = await sealed(key, list)
  const { user, userId, facility, facilityId, takenAt, expiresAt } = list
  const kept = await store("kept", "readwrite")
  await Promise.all([
    asked(kept.put(secret, "list")),
    asked(kept.put({ user, userId, facility, facilityId, takenAt, expiresAt }, "about")),
  ])
}

// The list, or null when its day is over: then it is forgotten, while results not yet sent stay.
export async function list() {
  const held = await about()
  if (held && new Date(held.expiresAt) < new Date()) {
    await asked((await store("kept", "readwrite")).delete("list"))
    return null
  }
  const secret = await asked((await store("kept")).get("list"))
  return secret ? opened(key, secret) : null
}

export async function keepEntry(entry) {
  const secret = await sealed(key, entry)
  await asked((await store("queue", "readwrite")).put(secret, entry.id))
}

export async function dropEntry(id) {
  await asked((await store("queue", "readwrite")).delete(id))
}

export async function entries() {
  const secrets = await asked((await store("queue")).getAll())
  const all = await Promise.all(secrets.map((secret) => opened(key, secret)))
  return all.sort((one, other) => one.enteredAt.localeCompare(other.enteredAt))
}

export const waiting = async () => asked((await store("queue")).count())

// Forget everything; the caller has made sure that nothing waits, or that the worker means it.
export async function wipe() {
  lock()
  await asked((await store("queue", "readwrite")).clear())
  await asked((await store("kept", "readwrite")).clear())
}

async function sealed(by, value) {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const text = new TextEncoder().encode(JSON.stringify(value))
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, by, text) }
}

async function opened(by, { iv, data }) {
  return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, by, data)))
}

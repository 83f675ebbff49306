// Talks to HealthHub. Every answer of the server is about one entry; what is not answered stays in the vault.

import * as vault from "./vault.js"

const AT_ONCE = 50
const FINAL = ["saved", "held", "dropped"]

export class SignedOut extends Error {}
export class SomebodyElse extends Error {}
export class Unreachable extends Error {}

async function ask(address, options = {}) {
  let answer
  try {
    answer = await fetch(address, { credentials: "same-origin", cache: "no-store", ...options })
  } catch {
    throw new Unreachable()
  }
  const json = answer.headers.get("content-type")?.startsWith("application/json")
  if (answer.redirected || answer.status === 401 || answer.status === 403 || (answer.ok && !json)) throw new SignedOut()
  if (!answer.ok) throw new Unreachable()
  return answer.json()
}

// Whether HealthHub answers at all: what browsers say of the network is often wrong.
export async function reachable(addresses) {
  try {
    await fetch(addresses.session, { credentials: "same-origin", cache: "no-store", redirect: "manual" })
    return true
  } catch {
    return false
  }
}

async function post(address, token, body) {
  const headers = { "X-CSRFToken": token, "Content-Type": "application/json" }
  return ask(address, { method: "POST", headers, body: JSON.stringify(body) })
}

// Who is signed in now. The device belongs to whoever took the list: nobody sends another one's entries.
async function session(addresses) {
  const now = await ask(addresses.session)
  const held = await vault.about()
  if (held && (held.userId !== now.userId || held.facilityId !== now.facilityId)) throw new SomebodyElse()
  return now
}

export async function takeList(addresses) {
  const { token } = await session(addresses)
  await vault.keepList(await post(addresses.pack, token, {}))
}

// Send what waits, some at a time. Entries that are not settled keep the answer, for the worker to decide.
export async function send(addresses, progress) {
  const { token } = await session(addresses)
  const all = await vault.entries()
  const settled = []
  for (let start = 0; start < all.length; start += AT_ONCE) {
    const some = all.slice(start, start + AT_ONCE)
    const { answers } = await post(addresses.sync, token, { entries: some.map((entry) => entry.fields) })
    const byId = new Map(some.map((entry) => [entry.id, entry]))
    for (const answer of answers) {
      const entry = byId.get(answer.id)
      if (!entry) continue
      if (FINAL.includes(answer.state)) {
        await vault.dropEntry(answer.id)
        settled.push(answer)
      } else {
        await vault.keepEntry({ ...entry, answer })
      }
    }
    progress(Math.min(start + AT_ONCE, all.length), all.length)
  }
  return settled
}

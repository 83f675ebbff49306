// The station's page: lock, list, form, queue. All texts come from the page, so that they are translated there.

import { reading, showTest, today } from "./entry.js"
import * as sync from "./sync.js"
import * as vault from "./vault.js"

const app = document.getElementById("station")
const words = JSON.parse(document.getElementById("station-words").textContent)
const addresses = app.dataset
const part = (name) => app.querySelector(`[data-part=${name}]`)
const IDLE = 10 * 60_000
const PROBE = 30_000
const FEWEST = 8 // characters of the passphrase

let list = null
let person = null
let editing = null
let idle = null
let reached = null
let busy = false

const shown = (name, visible) => (part(name).hidden = !visible)
const say = (text, kind = "wait") => {
  part("said").textContent = text
  part("said").className = text ? `hh-notice hh-notice--${kind}` : ""
}

function make(template, texts = {}) {
  const copy = document.getElementById(template).content.firstElementChild.cloneNode(true)
  for (const [name, text] of Object.entries(texts)) {
    const place = copy.querySelector(`[data-text=${name}]`)
    if (place) place.textContent = text
  }
  return copy
}

async function show() {
  const held = await vault.about()
  const open = vault.isOpen()
  shown("lock", !open)
  shown("work", open)
  part("unlock-title").textContent = held ? words.unlock : words.begin
  part("begin-help").hidden = Boolean(held)
  part("whose").textContent = held ? `${held.user} · ${held.facility}` : ""
  if (!open) return
  list = await vault.list()
  const waiting = await vault.entries()
  const when = held ? new Date(held.takenAt).toLocaleString(document.documentElement.lang) : ""
  part("list-state").textContent = list
    ? words.listOf.replace("%n", list.people.length).replace("%t", when)
    : words.noList
  shown("more", Boolean(list?.more))
  shown("finding", Boolean(list))
  showPeople()
  showQueue(waiting)
}

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll(/đ/gi, "d").toLowerCase()

function showPeople() {
  const wanted = fold(part("find").value)
  const people = (list?.people ?? []).filter((one) => `${fold(one.name)} ${one.tail}`.includes(wanted))
  part("people").replaceChildren(...people.slice(0, 50).map(personItem))
  shown("nobody", Boolean(list) && people.length === 0)
}

function personItem(one) {
  const due = one.due.map(({ step, on }) => `${step} (${on})`).join("; ")
  const item = make("person-item", { name: one.name, who: whoIs(one), due })
  item.querySelector("button").addEventListener("click", () => openForm(one))
  return item
}

const whoIs = (one) => [one.birth, one.age && words.age.replace("%n", one.age), one.sex, one.tail && `…${one.tail}`]
  .filter(Boolean).join(" · ")

function showQueue(waiting) {
  part("queue-title").textContent = words.queue.replace("%n", waiting.length)
  shown("queue-empty", waiting.length === 0)
  part("send").hidden = waiting.length === 0
  part("queue").replaceChildren(...waiting.map(queueItem))
}

function queueItem(entry) {
  const item = make("queue-item", { name: entry.name, what: entry.what, answer: entry.answer?.text ?? words.waits })
  item.querySelector("[data-text=held]").textContent = entry.answer?.held ? words.held.replace("%h", entry.answer.held) : ""
  const kind = entry.answer ? "act" : "wait"
  item.classList.add(`hh-card--${kind}`)
  const buttons = item.querySelector("[data-buttons]")
  for (const choice of entry.answer?.choices ?? []) buttons.append(button(words[choice], () => decide(entry, choice)))
  buttons.append(button(words.edit, () => edit(entry)), button(words.remove, () => remove(entry)))
  return item
}

function button(label, act) {
  const made = make("queue-button")
  made.textContent = label
  made.addEventListener("click", act)
  return made
}

async function decide(entry, decision) {
  await vault.keepEntry({ ...entry, answer: undefined, fields: { ...entry.fields, decision } })
  await send()
}

async function remove(entry) {
  if (!confirm(words.removeSure.replace("%p", entry.name))) return
  await vault.dropEntry(entry.id)
  await show()
}

function openForm(one, entry = null) {
  person = one
  editing = entry
  const form = part("form")
  form.reset()
  part("person").textContent = `${one.name} · ${whoIs(one)}`
  part("warnings").textContent = one.warnings.join(" ")
  const tests = one.tests.filter((key) => list.tests[key])
  form.elements.test.replaceChildren(
    ...tests.map((key) => new Option(`${list.tests[key].name} – ${list.tests[key].programme}`, key)),
  )
  if (entry) form.elements.test.value = entry.fields.test
  showTest(form, list.tests[form.elements.test.value], words)
  form.elements.collected_on.value = today()
  if (entry) for (const [name, value] of Object.entries(entry.fields)) {
    if (form.elements[name]) form.elements[name].value = value
  }
  shown("finding", false)
  shown("entry", true)
  showReading()
  form.elements.specimen_id.focus()
}

function edit(entry) {
  const one = list?.people.find(({ id }) => id === entry.fields.patient_id)
  if (one) openForm(one, entry)
  else say(words.notOnList, "act")
}

function closeForm() {
  person = editing = null
  shown("entry", false)
  shown("finding", Boolean(list))
}

function showReading() {
  const form = part("form")
  const found = reading(form, list.tests[form.elements.test.value], words)
  part("reading").textContent = found.label ? words.means.replace("%l", found.label) : ""
  return found
}

function showFaults(form, faults) {
  for (const place of form.querySelectorAll("[data-fault]")) {
    const fault = faults.find(([name]) => name === place.dataset.fault)
    place.textContent = fault ? fault[1] : ""
    place.closest(".nhsuk-form-group").classList.toggle("nhsuk-form-group--error", Boolean(fault))
    form.elements[place.dataset.fault].toggleAttribute("aria-invalid", Boolean(fault))
  }
  if (faults.length) form.elements[faults[0][0]].focus()
}

async function keep(event) {
  event.preventDefault()
  const form = part("form")
  const found = showReading()
  showFaults(form, found.faults)
  if (found.faults.length) return
  const id = editing?.id ?? crypto.randomUUID()
  const fields = { ...Object.fromEntries(new FormData(form)), id, patient_id: person.id, decision: "" }
  const test = list.tests[fields.test]
  const unit = test.units.find((one) => one.unit === fields.unit)?.label
  const value = fields.value ? `${fields.value} ${unit}` : found.label
  const day = fields.collected_on.split("-").reverse().join("/")
  const what = [test.name, value, fields.specimen_id, day].filter(Boolean).join(" · ")
  await vault.keepEntry({ id, fields, name: person.name, what, enteredAt: new Date().toISOString() })
  say(words.kept.replace("%p", person.name), "good")
  closeForm()
  await show()
  part("find").focus()
}

async function send() {
  if (busy) return
  busy = true
  await withNetwork(async () => {
    const settled = await sync.send(addresses, (done, all) => say(words.sending.replace("%d", done).replace("%n", all)))
    const left = await vault.waiting()
    const told = left ? words.sentSome.replace("%n", settled.length).replace("%l", left) : words.sentAll.replace("%n", settled.length)
    say(told, left ? "act" : "good")
  }).finally(() => (busy = false))
}

async function take() {
  say(words.taking)
  await withNetwork(async () => {
    await sync.takeList(addresses)
    say(words.taken, "good")
  })
}

async function withNetwork(work) {
  try {
    await work()
  } catch (error) {
    if (error instanceof sync.SignedOut) say(words.signedOut, "act")
    else if (error instanceof sync.SomebodyElse) say(words.somebodyElse, "urgent")
    else if (error instanceof sync.Unreachable) say(words.unreachable, "act")
    else throw error
  }
  part("sign-in").hidden = !part("said").textContent.startsWith(words.signedOut)
  await show()
}

async function unlock(event) {
  event.preventDefault()
  const { passphrase } = part("unlock").elements
  const isNew = !(await vault.about())
  if (isNew && passphrase.value.length < FEWEST) return say(words.tooShort.replace("%n", FEWEST), "act")
  part("unlock").inert = true
  const opened = await vault.unlock(passphrase.value)
  part("unlock").inert = false
  passphrase.value = ""
  if (!opened) return say(words.wrong, "urgent")
  say("")
  await show()
  if (isNew) await take()
}

async function lock() {
  vault.lock()
  list = null
  closeForm()
  part("people").replaceChildren()
  part("queue").replaceChildren()
  say("")
  await show()
}

async function wipe() {
  const waiting = await vault.waiting()
  const question = waiting ? words.wipeWaiting.replace("%n", waiting) : words.wipeSure
  if (!confirm(question)) return
  await vault.wipe()
  await lock()
}

// Says whether there is network; what waits goes out as soon as there is one again.
async function network() {
  const was = reached
  reached = await sync.reachable(addresses)
  part("network").textContent = reached ? words.online : words.offline
  if (reached && was === false && vault.isOpen() && (await vault.waiting())) await send()
}

function stayAwake() {
  clearTimeout(idle)
  idle = setTimeout(() => vault.isOpen() && lock(), IDLE)
}

part("unlock").addEventListener("submit", unlock)
part("form").addEventListener("submit", keep)
part("form").addEventListener("input", showReading)
part("form").elements.test.addEventListener("change", () => {
  showTest(part("form"), list.tests[part("form").elements.test.value], words)
  showReading()
})
part("find").addEventListener("input", showPeople)
part("cancel").addEventListener("click", closeForm)
part("send").addEventListener("click", send)
part("take").addEventListener("click", take)
part("lock-now").addEventListener("click", lock)
for (const wiper of app.querySelectorAll("[data-part=wipe], [data-part=wipe-locked]")) wiper.addEventListener("click", wipe)
for (const event of ["online", "offline"]) window.addEventListener(event, network)
for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, stayAwake)

await navigator.serviceWorker?.register(addresses.worker, { scope: addresses.scope })
navigator.storage?.persist?.()
setInterval(() => document.hidden || network(), PROBE)
await show()
network()
app.hidden = false

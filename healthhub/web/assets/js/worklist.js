// The worklist by keyboard: j and k move, Enter opens, x ticks, / goes to the filters, ? helps. Keys act only outside of
// fields and can be turned off (they are kept off on this machine). Everything here has a link or a button as well.

const OFF = "healthhub.keys.off"
const list = document.querySelector("[data-worklist]")
const rows = list ? [...list.querySelectorAll("[data-row]")] : []
const dialog = document.getElementById("keys")
const wide = window.matchMedia("(min-width: 64rem)")
let current = -1

function off() {
  try { return localStorage.getItem(OFF) === "yes" } catch { return false }
}

function moveTo(index) {
  if (!rows.length) return
  current = Math.min(Math.max(index, 0), rows.length - 1)
  rows.forEach((row, number) => row.toggleAttribute("data-current", number === current))
  const link = rows[current].querySelector("[data-open]")
  link.focus()
  rows[current].scrollIntoView({ block: "nearest" })
  if (wide.matches) rows[current].querySelector(".hh-worklist__look")?.click()
}

function counted() {
  const shown = document.querySelector("[data-ticked]")
  const ticked = list ? list.querySelectorAll("input[name=rounds]:checked").length : 0
  if (shown) shown.textContent = ticked ? ` (${ticked})` : ""
}

const doings = {
  j: () => moveTo(current + 1),
  k: () => moveTo(current - 1),
  x: () => {
    const box = rows[current]?.querySelector("input[name=rounds]")
    if (box) box.checked = !box.checked
    counted()
  },
  Enter: () => rows[current]?.querySelector("[data-open]").click(),
  "/": () => document.querySelector("[data-filters] select")?.focus(),
  "?": () => dialog?.showModal(),
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  const field = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable], dialog[open]")
  const presses = event.key === "Enter" && event.target.closest("a, button, summary, input")
  if (field || presses || !doings[event.key] || off()) return
  event.preventDefault()
  doings[event.key]()
})

list?.addEventListener("change", counted)
list?.addEventListener("focusin", (event) => {
  const row = event.target.closest("[data-row]")
  if (row) current = rows.indexOf(row)
})
counted()

const box = dialog?.querySelector("[data-keys-on]")
if (box) {
  box.checked = !off()
  box.addEventListener("change", () => {
    try { box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes") } catch { /* not kept then */ }
  })
}
document.querySelector("[data-keys-open]")?.addEventListener("click", () => dialog.showModal())

// What can be undone can be for ten seconds; somebody who is in the bar keeps it.
const undo = document.querySelector("[data-undo]")
if (undo) {
  const leave = () => (undo.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : undo.remove())
  setTimeout(leave, 10000)
}

// The day list by keyboard: inside a row d, x and v press its buttons, arrows go to the next row that has some.
// The keys work only while the focus is in a row, so they are in nobody's way elsewhere.

const rows = () => [...document.querySelectorAll("[data-appointment]")].filter((row) => row.querySelector("button"))

document.addEventListener("keydown", (event) => {
  const row = event.target.closest("[data-appointment]")
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step) {
    const all = rows()
    const next = all[all.indexOf(row) + step]
    if (next) {
      event.preventDefault()
      next.querySelector("button").focus()
    }
    return
  }
  row.querySelector(`button[data-key="${CSS.escape(event.key.toLowerCase())}"]`)?.click()
})

// After one row is done, go on with the next; once the page has loaded, for going to the address's # takes the focus.
window.addEventListener("load", () => {
  const done = location.hash.startsWith("#a-") && document.getElementById(location.hash.slice(1))
  if (!done) return
  const all = rows()
  const next = all.find((row) => done.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING) ?? all[0]
  setTimeout(() => next?.querySelector("button").focus())
})

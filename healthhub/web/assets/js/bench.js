// The laboratory's keys: Alt with the letter of a button's data-shortcut presses it; in a rack, Enter and the arrows go
// from row to row, and a pasted column fills the rows below. Everything works without this.

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey) return
  const button = document.querySelector(`[data-shortcut="${CSS.escape(event.key.toLowerCase())}"]`)
  if (!button) return
  event.preventDefault()
  button.click()
})

// A scanner's Enter makes a new line in a list of codes; Ctrl+Enter sends the list.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey && event.target.tagName === "TEXTAREA") event.target.form.requestSubmit()
})

const rack = document.querySelector("[data-rack]")

function cellBeside(cell, step) {
  const [, column, row] = cell.name.match(/^(\w+)-(\d+)$/) ?? []
  return column && rack.querySelector(`[name="${column}-${Number(row) + step}"]`)
}

// In the barcode column a scanner's Enter goes to the value beside it or, when tubes are scanned first, to the next row.
function afterEnter(cell) {
  const below = cellBeside(cell, 1)
  if (cell.name.startsWith("barcode-")) return below
  return below ?? rack.querySelector("button[type=submit]")
}

rack?.addEventListener("keydown", (event) => {
  const cell = event.target
  if (cell.tagName !== "INPUT") return
  const next = { Enter: () => afterEnter(cell), ArrowDown: () => cellBeside(cell, 1), ArrowUp: () => cellBeside(cell, -1) }
  const to = next[event.key]?.()
  if (!to) return
  event.preventDefault()
  to.focus()
  to.select?.()
})

rack?.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text")
  const cell = event.target
  if (cell.tagName !== "INPUT" || !/[\t\n]/.test(text.trim())) return
  event.preventDefault()
  const columns = ["barcode", "value"]
  const [, column, first] = cell.name.match(/^(\w+)-(\d+)$/)
  text.trim().split(/\r?\n/).forEach((line, offset) => {
    line.split("\t").forEach((part, beside) => {
      const name = columns[columns.indexOf(column) + beside]
      const target = name && rack.querySelector(`[name="${name}-${Number(first) + offset}"]`)
      if (target) target.value = part.trim()
    })
  })
})

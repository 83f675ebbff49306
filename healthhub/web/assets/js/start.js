// Enhances pages that work without it: a "js" mark for the style sheet, and buttons that print.

document.documentElement.classList.add("js")

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print()
})

// A menu folds again when one looks elsewhere, or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false
  }
})
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details[data-menu][open]")
  if (menu) {
    menu.open = false
    menu.querySelector("summary").focus()
  }
})

window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open]):not([data-menu])")) {
    details.open = true
    details.dataset.folded = "yes"
  }
})
window.addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-folded]")) {
    details.open = false
    delete details.dataset.folded
  }
})

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target
  if (form.dataset.sent) event.preventDefault()
  else if (form.method === "post") form.dataset.sent = "yes"
})
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent
})

// What was typed before htmx listened is told to it once it does.
document.addEventListener("htmx:load", (event) => {
  for (const field of event.target.querySelectorAll("[hx-trigger*=input] input, input[hx-trigger*=input]")) {
    if (field.value !== field.defaultValue) field.dispatchEvent(new Event("input", { bubbles: true }))
  }
})

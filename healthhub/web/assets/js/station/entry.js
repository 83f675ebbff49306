// The form of one test, and what its value will mean. The server reads the value again by the protocol; this is so that
// a slip of the finger shows before it is kept.

const number = (text) => (/^\d+([.,]\d+)?$/.test(text.trim()) ? Number(text.trim().replace(",", ".")) : null)

export function fill(select, options, chosen = "") {
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value, false, value === chosen)))
}

export function showTest(form, test, words) {
  const measured = test.units.length > 0
  for (const part of form.querySelectorAll("[data-measured]")) part.hidden = !measured
  fill(form.elements.unit, test.units.map(({ unit, label }) => [unit, label]))
  fill(form.elements.kit, [["", words.unknown], ...test.kits.map(({ name }) => [name, name])])
  const first = measured ? [["", words.byValue]] : [["", words.choose]]
  fill(form.elements.category, [...first, ...test.categories.map(({ key, label }) => [key, label])])
}

// {faults: [[field, sentence]], category, label, outcome}
export function reading(form, test, words) {
  const { value, unit, kit, category, collected_on: day } = form.elements
  const faults = []
  if (!day.value) faults.push(["collected_on", words.needsDay])
  else if (day.value > today()) faults.push(["collected_on", words.future])
  if (test.units.length && value.value.trim() && category.value) faults.push(["category", words.onlyOne])
  else if (test.units.length && !value.value.trim() && !category.value) faults.push(["value", words.needsValue])
  else if (!test.units.length && !category.value) faults.push(["category", words.needsValue])
  let key = category.value
  if (!key && value.value.trim()) {
    const measured = number(value.value)
    if (measured === null) faults.push(["value", words.notNumber])
    const own = test.kits.find((one) => one.name === kit.value && one.cutoff && one.unit === unit.value)
    const cutoff = Number((own ?? test.units.find((one) => one.unit === unit.value))?.cutoff)
    if (measured !== null && cutoff) key = measured >= cutoff ? test.above : test.below
  }
  const found = test.categories.find((one) => one.key === key)
  return { faults, label: found?.label ?? "", outcome: found?.outcome ?? "" }
}

export function today() {
  const now = new Date()
  return new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10)
}

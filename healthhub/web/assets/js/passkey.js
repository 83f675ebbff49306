// Passkeys: the browser speaks with the key, and its answer goes to the server in the form's hidden field.
// The server's options stand in the page as JSON; bytes are written in base64url both ways.

const options = JSON.parse(document.getElementById("js_data").textContent)
const field = document.querySelector("[name=credential]")

function bytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  return Uint8Array.from(binary, (one) => one.charCodeAt(0))
}

function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer))
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

function known(credentials) {
  return (credentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }))
}

async function create({ publicKey }) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: known(publicKey.excludeCredentials),
    },
  })
  return answer(made, {
    attestationObject: text(made.response.attestationObject),
    transports: made.response.getTransports?.() ?? [],
  })
}

async function get({ publicKey }) {
  const used = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: known(publicKey.allowCredentials),
    },
  })
  return answer(used, {
    authenticatorData: text(used.response.authenticatorData),
    signature: text(used.response.signature),
    userHandle: used.response.userHandle ? text(used.response.userHandle) : null,
  })
}

function answer(credential, parts) {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: { clientDataJSON: text(credential.response.clientDataJSON), ...parts },
  }
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  button.hidden = false
  button.addEventListener("click", async () => {
    const said = document.querySelector("[data-passkey-failed]")
    said.hidden = true
    try {
      const made = await (button.dataset.passkey === "create" ? create(options.creation_options) : get(options.request_options))
      field.value = JSON.stringify(made)
      field.form.submit()
    } catch {
      said.hidden = false
    }
  })
}

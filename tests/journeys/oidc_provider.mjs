// An identity provider on this machine: node tests/journeys/oidc_provider.mjs PORT REDIRECT, people as JSON in PEOPLE.
// Its own pages ask for a login (any password) and for consent.

import Provider from "oidc-provider"

const [port, redirect] = process.argv.slice(2)
const people = JSON.parse(process.env.PEOPLE)
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: "healthhub", client_secret: "secret-of-healthhub", redirect_uris: [redirect] }],
  claims: { openid: ["sub"], profile: ["citizen_id", "birthdate"] },
  cookies: { keys: ["of this test only"] },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  pkce: { required: () => true },
})
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"))

// The relying party `openid-client`, told on standard input what to do: a line of JSON for each step, and one in answer.
// The first line configures it; what it finds out there is the first answer. A step that fails answers {error, code}.
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => {
  const { value, done } = await lines.next()
  return done ? undefined : JSON.parse(value)
}
const say = (answer) => console.log(JSON.stringify(answer))
const settings = await read()
const proof = settings.basic ? client.ClientSecretBasic(settings.secret) : undefined
const config = await client.discovery(new URL(settings.issuer), settings.client_id, settings.secret, proof, {
  execute: [client.allowInsecureRequests],
})
let under_way = {}
const told = (tokens) => ({ ...tokens, claims: tokens.claims() })
const steps = {
  // Where the browser goes, with state, nonce and challenge of its own making.
  async begin(params) {
    under_way = { verifier: client.randomPKCECodeVerifier(), state: client.randomState(), nonce: client.randomNonce() }
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: settings.redirect_uri,
      code_challenge: await client.calculatePKCECodeChallenge(under_way.verifier),
      code_challenge_method: 'S256',
      state: under_way.state,
      nonce: under_way.nonce,
      ...params,
    })
    return { url: url.href }
  },
  // Where the browser came back to: every check of the answer and of the ID token, with its keys fetched, is the client's.
  async finish({ url, max_age }) {
    const checks = {
      pkceCodeVerifier: under_way.verifier,
      expectedState: under_way.state,
      expectedNonce: under_way.nonce,
      idTokenExpected: true,
      ...(max_age === undefined ? {} : { maxAge: max_age }),
    }
    client.enableNonRepudiationChecks(config)
    return told(await client.authorizationCodeGrant(config, new URL(url), checks))
  },
  refresh: async ({ token }) => told(await client.refreshTokenGrant(config, token)),
  userinfo: async ({ token, sub }) => client.fetchUserInfo(config, token, sub),
  itself: async ({ scope }) => client.clientCredentialsGrant(config, { scope }),
  leave: async (params) => ({ url: client.buildEndSessionUrl(config, params).href }),
}
say({ metadata: config.serverMetadata() })
for (let step; (step = await read()); ) {
  try {
    say(await steps[step.do](step.with ?? {}))
  } catch (error) {
    say({ error: error.error ?? error.name, code: error.code, message: error.message, cause: `${error.cause ?? ''}` })
  }
}
process.exit(0)

// The provider `oidc-provider`, configured by one line of JSON on standard input; its address goes to standard output.
// It signs in whoever the form names, with any password, as its own development pages do.
import { createInterface } from 'node:readline'
import { Provider } from 'oidc-provider'

const lines = createInterface({ input: process.stdin })
const settings = JSON.parse((await lines[Symbol.asyncIterator]().next()).value)
const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  jwks: settings.jwks,
  cookies: { keys: ['only for tests'] },
  claims: {
    openid: ['sub', 'sid'],
    profile: ['name', 'preferred_username'],
    email: ['email'],
    groups: ['groups'],
  },
  scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  async findAccount(_, id) {
    return { accountId: id, claims: async () => ({ sub: id, ...settings.accounts[id] }) }
  },
})
provider.on('backchannel.error', (_, error) => console.error('backchannel', error.message))
provider.on('server_error', (_, error) => console.error('server', error))
const server = provider.listen(settings.port, '127.0.0.1', () => console.log(settings.issuer))
process.stdin.on('close', () => server.close(() => process.exit(0)))

// The SAML provider `samlp`, configured by one line of JSON on standard input; its address goes to standard output.
// It signs in the one person of its settings, and checks the signature of our requests with our certificate.
import { createInterface } from 'node:readline'
import express from 'express'
import samlp from 'samlp'

const lines = createInterface({ input: process.stdin })
const settings = JSON.parse((await lines[Symbol.asyncIterator]().next()).value)
const { issuer, cert, key, ours, user } = settings
const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'
const participants = []
const kept = new Map()
const store = {
  save(_, state, done) {
    const name = String(kept.size)
    kept.set(name, state)
    done(null, name)
  },
  load(_, name, options, done) {
    (done ?? options)(null, kept.get(name))
  },
  update(_, name, state, done) {
    kept.set(name, state)
    done(null, name)
  },
}

const mapper = (person) => ({
  getClaims: () => person.attributes,
  getNameIdentifier: () => ({ nameIdentifier: person.name, nameIdentifierFormat: person.format }),
})
const signIn = (request, response, next) => {
  participants.push({
    serviceProviderId: ours.entity,
    nameId: user.name,
    nameIdFormat: user.format,
    sessionIndex: 'index-1',
    serviceProviderLogoutURL: ours.logout,
    cert: ours.cert,
    binding: redirect,
  })
  return samlp.auth({
    issuer,
    cert,
    key,
    signingCert: ours.cert,
    destination: ours.acs,
    recipient: ours.acs,
    sessionIndex: 'index-1',
    signResponse: settings.signResponse,
    getPostURL: (_audience, _request, _http, done) => done(null, ours.acs),
    getUserFromRequest: () => user,
    profileMapper: mapper,
  })(request, response, next)
}
const sessionParticipants = {
  hasElements: () => participants.length > 0,
  getFirst: (done) => done(null, participants[0]),
  get: (entity, indexes, name, done) =>
    done(null, participants.find((each) => indexes?.includes(each.sessionIndex) && each.nameId === name)),
  remove(entity, index, name, done) {
    const at = participants.findIndex((each) => each.sessionIndex === index && each.nameId === name)
    done(null, at < 0 ? undefined : participants.splice(at, 1)[0])
  },
}
const leave = samlp.logout({
  deflate: true, issuer, cert, key, protocolBinding: redirect, sessionParticipants, store, destination: ours.logout,
})

const app = express()
app.use(express.urlencoded())
app.use((request, _, next) => {
  request.body ??= {}
  next()
})
app.get('/saml', signIn)
app.post('/saml', signIn)
app.get('/logout', leave)
app.get(
  '/metadata',
  samlp.metadata({
    issuer, cert, redirectEndpointPath: '/saml', postEndpointPath: '/saml', logoutEndpointPaths: { redirect: '/logout' },
  }),
)
app.use((error, _request, response, _next) => {
  console.error(error.message)
  response.status(400).send(error.message)
})
const server = app.listen(settings.port, '127.0.0.1', () => console.log(issuer))
process.stdin.on('close', () => server.close(() => process.exit(0)))

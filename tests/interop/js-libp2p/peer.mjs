// js-libp2p's side of the interop test. Two ways to run it:
//
//   node peer.mjs listen [Ed25519|secp256k1|RSA] serves over TCP and WebSocket; prints one line of JSON
//   node peer.mjs dial <multiaddr with /p2p/>          checks the listener there; prints passed/failed/figure lines
//
// The test protocols are those of tests/interop/peer.cpp.
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'

const many = { maxInboundStreams: 1000, maxOutboundStreams: 1000 }
const agent = 'js-libp2p under test'
const text = (s) => new TextEncoder().encode(s)
const pattern = new Uint8Array(1 << 16).map((_, i) => (i * 31 + (i >> 8)) & 0xff)

async function node (listen, keyType = 'Ed25519') {
  const node = await createLibp2p({
    privateKey: await generateKeyPair(keyType),
    nodeInfo: { userAgent: agent },
    addresses: { listen },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    // Its heartbeat gives up a connection whose ping waits behind 100 MB on a busy machine: that is not what is tested.
    connectionMonitor: { abortConnectionOnPingFailure: false },
    services: { identify: identify(), push: identifyPush({ debounce: 10 }), ping: ping() }
  })
  return node
}

async function write (stream, bytes) {
  if (!stream.send(bytes)) await stream.onDrain()
}

// Everything until the peer's end. `for await (… of stream)` would wait for ever where the end came together with the
// protocol's name, before anybody listened for it.
function hear (stream, onPiece) {
  return new Promise((resolve, reject) => {
    stream.addEventListener('message', (event) => onPiece(event.data))
    stream.addEventListener('end', resolve)
    stream.addEventListener('close', (event) => event.error ? reject(event.error) : resolve())
    if (stream.readableEnded) resolve()
  })
}

async function readAll (stream) {
  const pieces = []
  await hear(stream, (piece) => pieces.push(piece.subarray()))
  return Buffer.concat(pieces)
}

async function serve (node) {
  let resets = 0
  await node.handle('/test/echo/1', async (stream) => {
    await hear(stream, (piece) => {
      if (stream.send(piece)) return
      stream.pause()
      stream.onDrain().then(() => { if (stream.readStatus === 'paused') stream.resume() }, () => {})
    })
    await stream.close()
  }, many)
  await node.handle('/test/count/1', async (stream) => {
    let count = 0
    await hear(stream, (piece) => { count += piece.byteLength })
    await write(stream, text(String(count)))
    await stream.close()
  }, many)
  await node.handle('/test/reset-me/1', (stream) => {
    stream.addEventListener('message', () => stream.abort(new Error('as asked')))
  }, many)
  await node.handle('/test/bear-reset/1', (stream) => {
    stream.addEventListener('message', () => {})
    stream.addEventListener('close', (event) => { if (event.error) resets++ })
  }, many)
  await node.handle('/test/resets/1', async (stream) => {
    await write(stream, text(String(resets)))
    await stream.close()
  }, many)
  await node.handle('/test/pushed/1', async (stream, connection) => {
    const peer = await node.peerStore.get(connection.remotePeer)
    await write(stream, peer.metadata.get('AgentVersion') ?? text(''))
    await stream.close()
  }, many)
}

async function listen (keyType) {
  const peer = await node(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'], keyType)
  await serve(peer)
  const port = (ws) => Number(peer.getMultiaddrs().find(a => a.toString().includes('/ws') === ws).toString().split('/')[4])
  console.log(JSON.stringify({ peer: peer.peerId.toString(), tcp: port(false), ws: port(true) }))
}

async function dial (to) {
  const kind = to.includes('/ws') ? 'websocket' : 'tcp'
  const check = (what, holds) => console.log(holds ? `passed 1 (js dials, ${kind}: ${what})` : `failed 1 (js dials, ${kind}: ${what})`)
  const attempt = async (what, act) => {
    try {
      check(what, await act())
    } catch (error) {
      console.log(error)
      check(what, false)
    }
  }
  const us = await node([])
  await serve(us)
  const identified = new Promise(resolve => us.addEventListener('peer:identify', e => resolve(e.detail)))
  const connection = await us.dial(multiaddr(to))
  const open = (protocol) => connection.newStream(protocol, { ...many })
  check('noise and yamux', connection.encryption === '/noise' && connection.multiplexer === '/yamux/1.0.0')

  await attempt('identify', async () => {
    const them = await identified
    return them.agentVersion === 'conclave under test' && them.protocols.includes('/test/echo/1') &&
      them.listenAddrs.length === 1 && them.observedAddr.toString().startsWith('/ip4/127.0.0.1/tcp/')
  })
  await attempt('ping', async () => {
    let best = Infinity
    for (let i = 0; i < 10; i++) {
      const begin = performance.now()
      await us.services.ping.ping(connection.remotePeer)
      best = Math.min(best, performance.now() - begin)
    }
    console.log(`figure js dials, ${kind}: ping ${best.toFixed(2)} ms`)
    return true
  })
  await attempt('100 MB through echo', async () => {
    const stream = await open('/test/echo/1')
    const blocks = Math.ceil(100e6 / pattern.length)
    let received = 0
    let wrong = 0
    const begin = performance.now()
    const reading = hear(stream, (piece) => {
      const bytes = piece.subarray()
      // The first and last byte of every piece, and its length in the sum.
      for (const i of [0, bytes.length - 1]) wrong += bytes[i] !== pattern[(received + i) % pattern.length]
      received += bytes.length
    })
    for (let i = 0; i < blocks; i++) await write(stream, pattern)
    await stream.close()
    await reading
    const seconds = (performance.now() - begin) / 1000
    console.log(`figure js dials, ${kind}: 100 MB echoed at ${(received / 1e6 / seconds).toFixed(0)} MB/s`)
    return received === blocks * pattern.length && wrong === 0
  })
  await attempt('200 streams at once', async () => {
    const begin = performance.now()
    const streams = await Promise.all(Array.from({ length: 200 }, () => open('/test/echo/1')))
    const echoes = await Promise.all(streams.map(async (stream, i) => {
      const reading = readAll(stream)
      await write(stream, text(`stream ${i} `.repeat(100)))
      await stream.close()
      return (await reading).toString() === `stream ${i} `.repeat(100)
    }))
    console.log(`figure js dials, ${kind}: 200 streams echoed in ${(performance.now() - begin).toFixed(0)} ms`)
    return echoes.every(e => e)
  })
  await attempt('half-close: the answer comes after our end', async () => {
    const stream = await open('/test/count/1')
    const reading = readAll(stream)
    for (let i = 0; i < 10; i++) await write(stream, pattern)
    await stream.close()
    return (await reading).toString() === String(10 * pattern.length)
  })
  await attempt('their reset reaches us', async () => {
    const stream = await open('/test/reset-me/1')
    const closed = new Promise(resolve => stream.addEventListener('close', resolve))
    await write(stream, text('now'))
    await closed
    return stream.status === 'reset'
  })
  await attempt('our reset reaches them', async () => {
    const stream = await open('/test/bear-reset/1')
    await write(stream, text('hello'))
    await new Promise(resolve => setTimeout(resolve, 50))
    stream.abort(new Error('enough'))
    await new Promise(resolve => setTimeout(resolve, 50))
    return (await readAll(await open('/test/resets/1'))).toString() === '1'
  })
  await attempt('an unknown protocol is refused, the second choice taken', async () => {
    const refused = await open('/test/unheard-of/1').then(s => readAll(s)).then(() => false, () => true)
    const second = await connection.newStream(['/test/unheard-of/1', '/test/echo/1'])
    return refused && second.protocol === '/test/echo/1' && connection.status === 'open'
  })
  await attempt('identify push', async () => {
    await us.handle('/test/new/1', () => {})
    await us.services.push.push()
    await new Promise(resolve => setTimeout(resolve, 300))
    return (await readAll(await open('/test/pushed/1'))).toString() === `${agent}, 1 pushes`
  })
  await attempt('another peer id at this address is refused', async () => {
    const other = await node([])
    const wrong = to.replace(/p2p\/.*/, 'p2p/' + other.peerId.toString())
    await us.hangUp(connection.remotePeer)
    return await us.dial(multiaddr(wrong)).then(() => false, () => true)
  })
  for (const keyType of ['secp256k1', 'RSA']) {
    await attempt(`our ${keyType} identity is refused`, async () => {
      const foreign = await node([], keyType)
      const dialled = await foreign.dial(multiaddr(to)).catch(() => null)
      // Our side is through when the last message is sent; the refusal follows.
      await new Promise(resolve => setTimeout(resolve, 200))
      return dialled === null || dialled.status !== 'open'
    })
  }
  process.exit(0)
}

if (process.argv[2] === 'dial') await dial(process.argv[3])
else await listen(process.argv[3])

// Rotates the keys of an issuer, stops it and starts it again, while a server checks its tokens.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { OAuth2Server } from 'oauth2-mock-server';

const [binary, seconds] = [process.argv[2], Number(process.argv[3])];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const port = 18080 + Math.floor(Math.random() * 1000);
const issuer = `http://localhost:${port}`;

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(port, 'localhost');
const child = spawn(binary, [issuer], { stdio: ['ignore', 'pipe', 'inherit'] });
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const { value: address } = await lines.next();

const results = {};
let phase = 'start';
let token = await server.issuer.buildToken();
const ask = async () => {
  const at = phase;
  const one = (results[at] ??= { good: 0, refused: 0, forged: 0, passed: 0 });
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://${address}/`, { headers });
  const text = await answer.text();
  if (answer.status === 200) one.good += 1;
  else { one.refused += 1; console.error(at, answer.status, text); }
  const dot = token.lastIndexOf('.');
  const forged = `${token.slice(0, dot - 2)}AA${token.slice(dot)}`;
  const other = await fetch(`http://${address}/`, { headers: { authorization: `Bearer ${forged}` } });
  if (other.status === 401) one.forged += 1; else one.passed += 1;
};
let running = true;
const load = (async () => {
  const pending = [];
  while (running) { pending.push(ask()); await sleep(50); }
  await Promise.all(pending);
})();

await sleep(3000);
// A rotation is known with its first token, 30 s after the last fetch at the earliest.
await sleep(30000);
phase = 'rotated';
const rotated = await server.issuer.keys.generate('RS256');
token = await server.issuer.buildToken({ kid: rotated.kid });
await sleep(5000);
phase = 'stopped';
await server.stop();
await sleep(seconds * 1000);
phase = 'restarted';
// As a process that has lost its keys: others, under other ids.
const again = new OAuth2Server();
const key = await again.issuer.keys.generate('RS256');
await again.start(port, 'localhost');
again.issuer.url = issuer;
token = await again.issuer.buildToken({ kid: key.kid });
await sleep(5000);
running = false;
await load;
await again.stop();
child.kill();
console.table(results);
const all = Object.values(results);
const bad = all.reduce((sum, one) => sum + one.refused + one.passed, 0);
console.log(bad === 0 ? 'ok: no good token was refused, and no forged one passed' : `${bad} wrong answers`);
process.exit(bad === 0 ? 0 : 1);

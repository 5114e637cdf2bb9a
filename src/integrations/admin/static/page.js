// The page: asks for the state every two seconds, and shows it in tables that keep their rows.

import { draw, isFailing } from "./graph.js";

const INTERVAL = 2000;
const MAX_ALERTS = 6;
const MAX_ROWS = 500;
const byId = (id) => document.getElementById(id);
let state = null;
let isPaused = false;
let lastFleet = null;

// ---- asking ----

function headers(token) {
  const own = sessionStorage.getItem(token);
  return own ? { authorization: `Bearer ${own}` } : {};
}

async function ask(path) {
  const answer = await fetch(path, { headers: headers("token"), cache: "no-store" });
  if (answer.status === 401) {
    byId("token-form").hidden = false;
    throw new Error("a token is needed");
  }
  if (!answer.ok) throw new Error(`the answer is ${answer.status}`);
  byId("token-form").hidden = true;
  return answer.json();
}

async function act(action, fields) {
  const result = byId("action-result");
  try {
    const answer = await fetch(`actions/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers("action-token") },
      body: JSON.stringify(fields),
    });
    const body = answer.status === 401 ? { error: "the token for actions is wrong" } : await answer.json();
    result.textContent = body.done ? `Done: ${body.done}` : `Refused: ${body.error}`;
    result.className = body.done ? "good" : "bad";
  } catch (error) {
    result.textContent = `Not done: ${error.message}`;
    result.className = "bad";
  }
  refresh();
}

// ---- words ----

const millis = (value) => {
  if (value === null || value === undefined) return "–";
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
};
const seconds = (value) => {
  if (value === null || value === undefined) return "–";
  if (value < 90) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  return `${Math.round(value / 3600)} h`;
};
const clock = (text) => {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleTimeString(undefined, { hour12: false });
};
const place = (origin) => (origin ? `${origin.file ?? "text"}:${origin.line}` : "default");
const name = (proxy) => `${proxy.namespace}/${proxy.name}`;
const percent = (part, whole) => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : "–");

// ---- tables ----

// A cell: a text, or an object with text, class, title or buttons.
function fill(cell, content) {
  const value = typeof content === "object" && content !== null ? content : { text: content };
  const text = String(value.text ?? "");
  const kind = value.class ?? "";
  if (cell.className !== kind) cell.className = kind;
  if (value.title !== undefined && cell.title !== value.title) cell.title = value.title;
  if (value.buttons) {
    cell.classList.add("buttons");
    // Each refresh has newer values for what a button does.
    cell.actions = value.buttons.map((button) => button.run);
    const key = value.buttons.map((button) => button.label).join();
    if (cell.dataset.buttons !== key) {
      cell.dataset.buttons = key;
      cell.replaceChildren(...value.buttons.map((button, index) => {
        const element = document.createElement("button");
        element.type = "button";
        element.textContent = button.text;
        element.setAttribute("aria-label", button.label);
        element.addEventListener("click", () => cell.actions[index]());
        return element;
      }));
    }
  } else if (cell.dataset.buttons !== undefined || cell.textContent !== text) {
    delete cell.dataset.buttons;
    cell.textContent = text;
  }
}

// Shows one row for each item; rows of items that stay are kept, so that focus and reading position stay.
function table(id, items, key, cells, isBad, empty) {
  const body = byId(id).tBodies[0];
  const width = byId(id).tHead.rows[0].cells.length;
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const shown = items.slice(0, MAX_ROWS);
  shown.forEach((item, index) => {
    const own = key(item);
    let row = known.get(own);
    known.delete(own);
    if (!row) {
      row = document.createElement("tr");
      row.dataset.key = own;
      for (let count = 0; count < width; count += 1) row.append(document.createElement("td"));
    }
    cells(item).forEach((content, at) => fill(row.cells[at], content));
    row.classList.toggle("bad-row", Boolean(isBad?.(item)));
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  for (const row of known.values()) row.remove();
  if (shown.length === 0 && empty) {
    const row = document.createElement("tr");
    row.className = "empty";
    row.dataset.key = "(empty)";
    const cell = document.createElement("td");
    cell.colSpan = width;
    cell.textContent = empty;
    row.append(cell);
    body.append(row);
  }
  const caption = byId(id).caption;
  caption.dataset.text ??= caption.textContent;
  const more = items.length > MAX_ROWS ? `${MAX_ROWS} of ${items.length}` : String(items.length);
  const text = `${caption.dataset.text} (${more})`;
  if (caption.textContent !== text) caption.textContent = text;
}

const numbers = (content) => ({ text: content, class: "number" });
const code = (content) => ({ text: content, class: "code" });

function edges(id, all) {
  const key = (edge) => `${edge.from} ${edge.to} ${edge.cluster}`;
  table(id, all, key, (edge) => [
    edge.from,
    { text: edge.to, title: edge.cluster },
    edge.subset ?? "",
    edge.weight === null ? "" : percent(edge.weight, edge.total_weight),
    numbers(edge.rate.toFixed(2)),
    { text: edge.errors, class: `number ${edge.errors > 0 ? "bad" : ""}` },
    { text: edge.rejected, class: `number ${edge.rejected > 0 ? "warn" : ""}` },
    numbers(edge.retries),
    numbers(millis(edge.p50_ms)),
    numbers(millis(edge.p99_ms)),
    { text: edge.ejected > 0 ? `${edge.endpoints}, ${edge.ejected} ejected` : edge.endpoints, class: edge.ejected > 0 ? "bad" : "" },
  ], isFailing, "No calls so far. Clients that were made before the page report none.");
}

// ---- views ----

function clustersOf(mesh) {
  return mesh.proxies.flatMap((proxy) => proxy.clusters.map((cluster) => ({ proxy, cluster })));
}

function showClusters() {
  const words = byId("filter").value.trim().toLowerCase();
  const onlyEjected = byId("only-ejected").checked;
  const isShown = ({ proxy, cluster }) => {
    const isEjected = cluster.endpoints.some((one) => one.ejection);
    const text = `${name(proxy)} ${cluster.name} ${cluster.endpoints.map((one) => one.address).join(" ")}`.toLowerCase();
    return (!onlyEjected || isEjected) && text.includes(words);
  };
  const all = clustersOf(state.mesh).filter(isShown);
  const key = ({ proxy, cluster }) => `${name(proxy)} ${cluster.name} ${cluster.host}`;
  table("cluster-table", all, key, ({ proxy, cluster }) => {
    const limit = cluster.concurrency_limit;
    const pool = cluster.pool;
    const budget = cluster.retry_budget;
    const ejected = cluster.endpoints.filter((one) => one.ejection).length;
    const inFlight = cluster.endpoints.reduce((sum, one) => sum + one.in_flight, 0);
    return [
      name(proxy),
      code(cluster.name),
      cluster.discovery,
      numbers(limit.max_in_flight ? `${limit.in_flight} of ${limit.max_in_flight}` : inFlight),
      pool ? `${pool.open} open, ${pool.idle} idle, ${pool.pending} waiting` : "–",
      { text: `${budget.retries_in_flight} in flight${budget.balance === null ? "" : `, ${budget.balance.toFixed(1)} saved`}`, title: budget.policy },
      cluster.unreachable
        ? { text: cluster.unreachable, class: "bad" }
        : { text: `${cluster.endpoints.length}${ejected ? `, ${ejected} ejected` : ""}`, class: ejected ? "bad" : "" },
      { text: place(cluster.rule), class: "code", title: cluster.rule?.object ?? "" },
    ];
  }, ({ cluster }) => Boolean(cluster.unreachable), "No cluster was called so far.");
  const endpoints = all.flatMap(({ proxy, cluster }) => cluster.endpoints.map((endpoint) => ({ proxy, cluster, endpoint })));
  endpoints.sort((one, two) => Boolean(two.endpoint.ejection) - Boolean(one.endpoint.ejection));
  const shown = onlyEjected ? endpoints.filter((one) => one.endpoint.ejection) : endpoints;
  table("endpoint-table", shown, ({ proxy, endpoint }) => `${name(proxy)} ${endpoint.id}`, ({ proxy, cluster, endpoint }) => {
    const ejection = endpoint.ejection;
    const back = ejection && `ejected: ${ejection.reason}; back in ${seconds(ejection.remaining)} (${clock(ejection.until)}), time ${ejection.times}`;
    return [
      { text: cluster.name, class: "code", title: name(proxy) },
      code(endpoint.address),
      ejection ? { text: back, class: "bad wide" } : { text: "healthy", class: "good" },
      numbers(endpoint.in_flight),
      numbers(endpoint.weight),
      Object.entries(endpoint.labels).map(([label, value]) => `${label}=${value}`).join(", "),
      ejection && state.process.actions
        ? { buttons: [{ text: "End ejection", label: `End the ejection of ${endpoint.address}`, run: () => act("uneject", { cluster: cluster.name, endpoint: endpoint.address }) }] }
        : "",
    ];
  }, ({ endpoint }) => Boolean(endpoint.ejection), "No endpoint.");
}

function limitText(limit) {
  if (limit.limit === null) return "off";
  const left = limit.remaining === null ? `${limit.keys} keys in use` : `${limit.remaining} left`;
  return `${limit.limit}, ${left}${limit.enforced ? `, ${limit.enforced} rejected` : ""}`;
}

function breakerText(breaker) {
  if (!breaker) return "–";
  const wait = breaker.remaining === null ? "" : `; probe in ${seconds(breaker.remaining)}`;
  const reason = breaker.reason ? `: ${breaker.reason}` : "";
  const isBad = ["open", "forced_open"].includes(breaker.state);
  const kind = isBad ? "bad" : breaker.state === "closed" ? "good" : "warn";
  return { text: `${breaker.state.replace("_", " ")}${reason}${wait}`, class: `${kind} wide` };
}

function showPolicies() {
  table("stack-table", state.stacks, (stack) => `${stack.name} ${stack.host ?? ""}`, (stack) => {
    const all = stack.state;
    const flight = all.concurrency_limit;
    const named = stack.host ? `${stack.name} at ${stack.host}` : stack.name;
    const run = (action, fields) => () => act("circuit", { stack: stack.name, host: stack.host, action, ...fields });
    return [
      stack.name,
      stack.host ?? (stack.kind === "inbound" ? "(inbound)" : ""),
      breakerText(all.circuit_breaker),
      all.circuit_breaker && state.process.actions
        ? { buttons: [
          { text: "Open", label: `Open the circuit of ${named}`, run: run("open") },
          { text: "Hold closed", label: `Hold the circuit of ${named} closed`, run: run("close") },
          { text: "Reset", label: `Return the circuit of ${named} to its policy`, run: run("reset") },
        ] }
        : "",
      `${flight.in_flight} of ${flight.max_in_flight ?? "∞"}, ${flight.pending} waiting`,
      limitText(all.rate_limit),
      all.attempt_limit ? limitText(all.attempt_limit) : "–",
      all.retry_budget ? { text: `${all.retry_budget.retries_in_flight} in flight${all.retry_budget.balance === null ? "" : `, ${all.retry_budget.balance.toFixed(1)} saved`}`, title: all.retry_budget.policy } : "–",
    ];
  }, (stack) => ["open", "forced_open"].includes(stack.state.circuit_breaker?.state), "No stack was given to the page.");
  const limits = state.mesh.proxies.flatMap((proxy) => proxy.rate_limits.map((limit) => ({ proxy, limit })));
  table("limit-table", limits, ({ proxy, limit }) => `${name(proxy)} ${limit.host} ${limit.id}`, ({ proxy, limit }) => [
    name(proxy),
    limit.host || "(inbound)",
    limit.state.limit ?? "off",
    numbers(limit.state.remaining ?? "by key"),
    numbers(limit.state.keys),
    { text: limit.state.enforced, class: `number ${limit.state.enforced > 0 ? "warn" : ""}` },
    { text: place(limit.origin), class: "code", title: limit.origin?.object ?? "" },
  ], null, "No rate limit was used so far.");
  const access = state.mesh.proxies.flatMap((proxy) => proxy.authorization.map((policy) => ({ proxy, policy })));
  table("access-table", access, ({ proxy, policy }) => `${name(proxy)} ${policy.namespace}/${policy.name} ${policy.action}`, ({ proxy, policy }) => [
    name(proxy),
    `${policy.namespace}/${policy.name}`,
    policy.dry_run ? `${policy.action}, dry run` : policy.action,
    { text: policy.action === "ALLOW" && !policy.dry_run ? "–" : policy.matched, class: `number ${policy.action === "DENY" && policy.matched > 0 ? "warn" : ""}` },
    { text: policy.action === "ALLOW" && policy.dry_run ? policy.unmatched : "–", class: "number" },
    { text: place(policy.origin), class: "code", title: policy.origin?.object ?? "" },
  ], null, "No authorization policy holds here.");
}

const BAD_EVENTS = ["circuit_opened", "endpoint_ejected", "name_unresolved", "rejected"];

function showDecisions() {
  const words = byId("event-filter").value.trim().toLowerCase();
  const text = (event) => [event.event, event.text, event.host, event.cluster, event.workload, event.layer, event.reason, event.endpoint].join(" ").toLowerCase();
  const all = [...state.events].reverse().filter((event) => text(event).includes(words));
  table("event-table", all, (event) => String(event.number), (event) => {
    const workload = event.workload ? `${event.namespace}/${event.workload}` : event.layer;
    return [
      clock(event.at),
      { text: event.event, class: BAD_EVENTS.includes(event.event) ? "bad" : "" },
      { text: event.text, class: "wide" },
      [workload, event.cluster ?? event.host, event.route && `route ${event.route}`].filter(Boolean).join(" · "),
      code(event.origin ?? ""),
    ];
  }, null, "No decision so far: nothing was rejected, retried, opened or ejected.");
}

function showConfiguration() {
  const routes = state.mesh.proxies.flatMap((proxy) => proxy.hosts.flatMap((host) => host.routes.map((route, index) => ({ proxy, host, route, index }))));
  table("route-table", routes, ({ proxy, host, index }) => `${name(proxy)} ${host.id} ${host.host} ${index}`, ({ proxy, host, route, index }) => {
    const total = route.destinations.reduce((sum, one) => sum + one.weight, 0);
    const isMoved = route.destinations.some((one) => one.weight !== one.documented_weight);
    const destinations = route.destinations.map((one) => {
      const share = route.destinations.length > 1 ? ` ${percent(one.weight, total)}` : "";
      const documented = one.weight === one.documented_weight ? "" : ` (documented ${one.documented_weight})`;
      return `${one.host}${one.subset ? ` ${one.subset}` : ""}${share}${documented}`;
    }).join(", ");
    const set = () => {
      const now = route.destinations.map((one) => one.weight).join(", ");
      const asked = window.prompt(`Weights of ${host.host}, one for each destination`, now);
      if (asked !== null) act("weights", { host: host.host, route: route.name ?? index, weights: asked.split(",").map(Number) });
    };
    return [
      name(proxy),
      host.host,
      route.name ?? `#${index}`,
      { text: destinations || "answers itself", class: isMoved ? "warn wide" : "wide" },
      route.timeout === null ? "none" : seconds(route.timeout),
      numbers(route.retries),
      { text: place(route.origin), class: "code", title: route.origin?.object ?? "" },
      route.destinations.length > 1 && state.process.actions
        ? { buttons: [{ text: "Set weights", label: `Set the weights of ${host.host} route ${route.name ?? index}`, run: set }] }
        : "",
    ];
  }, null, "No route.");
  const key = (one) => [one.code, one.file, one.line, one.column, one.field, one.message].join(" ");
  table("diagnostic-table", state.mesh.diagnostics, key, (one) => [
    { text: one.severity, class: one.severity === "warning" ? "warn" : "" },
    one.code,
    code(`${one.file ?? "text"}:${one.line}:${one.column}`),
    code(one.field),
    { text: one.message, class: "wide" },
    { text: one.effect, class: "wide" },
    { text: one.help, class: "wide" },
  ], null, "No findings.");
}

function showHistory() {
  table("canary-table", state.mesh.canaries, (one) => `${one.host} ${one.subset}`, (one) => [
    code(one.host),
    one.subset,
    { text: one.decision, class: "wide" },
    { text: one.evidence.join("; "), class: "wide" },
  ], (one) => one.decision.includes("aborted"), "No rollout.");
  const applied = state.mesh.history.map((change) => ({
    at: change.at, result: `version ${change.version}`, cause: change.cause, text: change.changed.join("; ") || "nothing changed", isBad: false,
  }));
  const refused = state.mesh.refusals.map((refusal) => ({
    at: refusal.at,
    result: refusal.is_current ? "refused, and not mended yet" : "refused",
    cause: refusal.cause,
    text: [refusal.error, ...refusal.diagnostics.map((one) => `${one.file ?? "text"}:${one.line}: ${one.message}`)].join("; "),
    isBad: true,
  }));
  const all = [...applied, ...refused].sort((one, two) => (one.at < two.at ? 1 : -1));
  table("history-table", all, (one) => `${one.at} ${one.result}`, (one) => [
    clock(one.at),
    { text: one.result, class: one.isBad ? "bad" : "good" },
    code(one.cause),
    { text: one.text, class: "wide" },
  ], (one) => one.result.includes("not mended"), "No change.");
}

async function showFleet() {
  const fleet = await ask("fleet");
  lastFleet = fleet;
  table("process-table", fleet.processes, (one) => `${one.name} ${one.url ?? ""}`, (one) => [
    one.name,
    code(one.url ?? "this page"),
    { text: one.status === "ok" ? `ok${one.took_ms === undefined ? "" : `, ${one.took_ms} ms`}` : `${one.status}: ${one.error}`, class: one.status === "ok" ? "good" : "bad" },
    one.process?.state ?? "–",
    numbers(seconds(one.process?.uptime)),
  ], (one) => one.status !== "ok");
  edges("fleet-edges", fleet.edges);
  draw(byId("fleet-svg"), fleet, millis);
}

function alerts() {
  const all = [];
  for (const stack of state.stacks) {
    const breaker = stack.state.circuit_breaker;
    if (breaker && ["open", "forced_open"].includes(breaker.state)) {
      all.push({ bad: true, text: `circuit of ${stack.name}${stack.host ? ` at ${stack.host}` : ""} is ${breakerText(breaker).text}`, view: "policies" });
    }
  }
  for (const { proxy, cluster } of clustersOf(state.mesh)) {
    const ejected = cluster.endpoints.filter((one) => one.ejection);
    if (ejected.length) {
      const reasons = [...new Set(ejected.map((one) => one.ejection.reason))].join(", ");
      all.push({ bad: true, text: `${name(proxy)}: ${ejected.length} of ${cluster.endpoints.length} endpoints of ${cluster.host} ejected (${reasons})`, view: "clusters" });
    }
    if (cluster.unreachable) all.push({ bad: true, text: `${name(proxy)}: ${cluster.host} is out of reach: ${cluster.unreachable}`, view: "clusters" });
  }
  const refusal = state.mesh.refusals.find((one) => one.is_current);
  if (refusal) all.push({ bad: true, text: `the last change of the policies was refused (${refusal.cause}): ${refusal.error}; version ${state.mesh.version} holds`, view: "history" });
  const warnings = state.mesh.diagnostics.filter((one) => one.severity === "warning").length;
  if (warnings) all.push({ bad: false, text: warnings === 1 ? "1 warning about the documents" : `${warnings} warnings about the documents`, view: "configuration" });
  if (state.process.state !== "LIVE") all.push({ bad: true, text: "this process shuts down", view: "graph" });
  const list = byId("alerts-list");
  const text = JSON.stringify(all);
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  const more = all.length - MAX_ALERTS;
  const shown = all.slice(0, MAX_ALERTS);
  if (more > 0) shown.push({ bad: true, text: `and ${more} more`, view: "clusters" });
  list.replaceChildren(...shown.map((alert) => {
    const item = document.createElement("li");
    item.className = alert.bad ? "alert-bad" : "";
    const link = document.createElement("a");
    link.href = `#${alert.view}`;
    link.textContent = alert.text;
    item.append(alert.bad ? "⚠ " : "", link);
    return item;
  }));
}

const VIEWS = {
  graph: () => { edges("edges", state.graph.edges); draw(byId("graph-svg"), state.graph, millis); },
  clusters: showClusters,
  policies: showPolicies,
  decisions: showDecisions,
  configuration: showConfiguration,
  history: showHistory,
  fleet: showFleet,
};

function current() {
  const asked = location.hash.slice(1);
  return Object.hasOwn(VIEWS, asked) ? asked : "graph";
}

function show(isMoved) {
  const view = current();
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isMoved) {
    byId(`${view}-heading`).focus();
    window.scrollTo(0, 0);
  }
  if (!state) return;
  const { process, mesh } = state;
  const said = `${process.state} · version ${mesh.version} of ${mesh.objects} objects · up ${seconds(process.uptime)} · meshless ${process.version}`;
  byId("process").textContent = said;
  byId("actions").hidden = !process.actions;
  byId("fleet-link").hidden = process.fleet === 0;
  alerts();
  Promise.resolve(VIEWS[view]()).catch((error) => { byId("process").textContent = error.message; });
}

// ---- time ----

let asking = null;
async function refresh() {
  if (asking) return asking;
  asking = (async () => {
    const began = performance.now();
    try {
      state = await ask("api/state");
      show(false);
    } catch (error) {
      byId("process").textContent = `no state: ${error.message}`;
    }
    return performance.now() - began;
  })();
  const took = await asking;
  asking = null;
  return took;
}

// A large state is asked for less often, so that the page takes at most a tenth of the time.
async function run() {
  const took = isPaused || document.hidden ? 0 : await refresh();
  setTimeout(run, Math.max(INTERVAL, 10 * took));
}

// Events come at once; after a break the next state has them.
async function follow() {
  try {
    const answer = await fetch("api/events", { headers: headers("token") });
    if (!answer.ok) throw new Error(`the answer is ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      const all = parts.filter((part) => part.includes("event: decision")).map((part) => {
        const line = part.split("\n").find((one) => one.startsWith("data: "));
        return JSON.parse(line.slice(6));
      });
      if (state && all.length && !isPaused) {
        state.events = [...state.events, ...all].slice(-400);
        if (current() === "decisions") show(false);
      }
    }
  } catch { /* asked again below */ }
  setTimeout(follow, 5000);
}

window.addEventListener("hashchange", () => show(true));
window.addEventListener("resize", () => {
  if (!state) return;
  if (current() === "graph") draw(byId("graph-svg"), state.graph, millis);
  if (current() === "fleet" && lastFleet) draw(byId("fleet-svg"), lastFleet, millis);
});
for (const id of ["filter", "only-ejected", "event-filter"]) byId(id).addEventListener("input", () => show(false));
byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  byId("pause").textContent = isPaused ? "Go on" : "Pause";
});
for (const [form, field] of [["token-form", "token"], ["action-token-form", "action-token"]]) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(field, byId(field).value);
    byId(field).value = "";
    refresh();
  });
}
show(false);
run();
follow();

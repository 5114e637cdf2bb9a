// Picture of a service graph: columns by the longest way from a caller, drawn as SVG.

const SPACE = "http://www.w3.org/2000/svg";
const NODE = { width: 190, height: 56 };

function make(name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function shortened(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

// Puts each node one column after its callers; a call back into the way is passed over.
function columns(nodes, edges) {
  const calls = new Map(nodes.map((node) => [node.id, []]));
  for (const edge of edges) calls.get(edge.from)?.push(edge.to);
  const depth = new Map();
  const onWay = new Set();
  let steps = 0;
  const visit = (id, level) => {
    steps += 1;
    if (onWay.has(id) || steps > 20000 || (depth.get(id) ?? -1) >= level) return;
    depth.set(id, level);
    onWay.add(id);
    for (const next of calls.get(id) ?? []) visit(next, level + 1);
    onWay.delete(id);
  };
  const called = new Set(edges.filter((edge) => edge.from !== edge.to).map((edge) => edge.to));
  for (const node of nodes) if (!called.has(node.id)) visit(node.id, 0);
  for (const node of nodes) if (!depth.has(node.id)) visit(node.id, 0);
  const all = [];
  for (const node of nodes) (all[depth.get(node.id)] ??= []).push(node);
  return all.filter(Boolean);
}

// Orders each column by the mean place of its callers, so that fewer lines cross.
function ordered(all, edges) {
  const place = new Map();
  all.forEach((column, at) => {
    if (at > 0) {
      const mean = new Map(column.map((node) => {
        const callers = edges.filter((edge) => edge.to === node.id && place.has(edge.from));
        const sum = callers.reduce((total, edge) => total + place.get(edge.from), 0);
        return [node.id, callers.length ? sum / callers.length : 1e6];
      }));
      column.sort((one, two) => mean.get(one.id) - mean.get(two.id) || one.id.localeCompare(two.id));
    }
    column.forEach((node, index) => place.set(node.id, index));
  });
  return all;
}

export function isFailing(item) {
  return (item.errors ?? 0) > 0 || (item.rejected ?? 0) > 0;
}

// One line from node to node for all its clusters.
function joined(edges) {
  const all = new Map();
  for (const edge of edges) {
    const key = `${edge.from}\n${edge.to}`;
    const known = all.get(key) ?? { from: edge.from, to: edge.to, parts: [], rate: 0, requests: 0, errors: 0, rejected: 0, ejected: 0, p99_ms: null };
    known.parts.push(edge);
    for (const name of ["rate", "requests", "errors", "rejected", "ejected"]) known[name] += edge[name] ?? 0;
    if (edge.p99_ms !== null) known.p99_ms = Math.max(known.p99_ms ?? 0, edge.p99_ms);
    all.set(key, known);
  }
  return [...all.values()];
}

function labels(edge, millis) {
  const lines = [];
  if (edge.requests > 0) {
    const failed = edge.errors + edge.rejected;
    const share = (100 * failed) / edge.requests;
    lines.push(`${edge.rate.toFixed(1)}/s · p99 ${millis(edge.p99_ms)}`);
    if (failed > 0) lines.push(`${share < 1 ? share.toFixed(1) : Math.round(share)} % failed`);
  }
  const weighted = edge.parts.filter((part) => part.weight !== null && part.total_weight > 0);
  if (weighted.length > 1) {
    lines.push(weighted.map((part) => `${part.subset ?? "·"} ${Math.round((100 * part.weight) / part.total_weight)} %`).join(", "));
  }
  if (edge.ejected > 0) lines.push(`${edge.ejected} ejected`);
  return lines;
}

// Finds a place on the way for the lines of a label, where they cover no node and no other label.
function free(texts, start, end, taken) {
  const width = 6.4 * Math.max(0, ...texts.map((text) => text.length));
  const height = 15 * texts.length;
  const box = (t) => ({
    x: start[0] + (end[0] - start[0]) * t - width / 2,
    y: start[1] + (end[1] - start[1]) * t - height / 2,
    width,
    height,
  });
  const overlaps = (one, two) => Math.max(0, Math.min(one.x + one.width, two.x + two.width) - Math.max(one.x, two.x))
    * Math.max(0, Math.min(one.y + one.height, two.y + two.height) - Math.max(one.y, two.y));
  const covered = (one) => taken.reduce((sum, two) => sum + overlaps(one, two), 0);
  const boxes = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74].map(box);
  const best = boxes.find((one) => covered(one) === 0) ?? boxes.sort((one, two) => covered(one) - covered(two))[0];
  taken.push(best);
  return { x: best.x + width / 2, y: best.y };
}

export function draw(svg, graph, millis) {
  const lines = joined(graph.edges);
  const isNarrow = svg.parentElement.clientWidth < 620;
  const gap = isNarrow ? { along: 150, across: 20 } : { along: 190, across: 34 };
  const all = ordered(columns(graph.nodes, lines), lines);
  const widest = Math.max(1, ...all.map((column) => column.length));
  const place = new Map();
  const along = isNarrow ? NODE.height : NODE.width;
  const across = isNarrow ? NODE.width : NODE.height;
  all.forEach((column, level) => {
    const start = ((widest - column.length) * (across + gap.across)) / 2;
    column.forEach((node, index) => {
      const far = 12 + level * (along + gap.along);
      const side = 12 + start + index * (across + gap.across);
      place.set(node.id, isNarrow ? { x: side, y: far } : { x: far, y: side });
    });
  });
  const length = 24 + all.length * (along + gap.along) - gap.along;
  const breadth = 24 + widest * (across + gap.across) - gap.across;
  const [width, height] = isNarrow ? [breadth, length] : [length, breadth];
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const words = graph.nodes.length === 0
    ? "Service graph: no calls so far"
    : `Service graph: ${lines.map((line) => `${line.from} calls ${line.to}`).join("; ")}`;
  svg.setAttribute("aria-label", shortened(words, 600));
  const front = [];
  const taken = [...place.values()].map(({ x, y }) => ({ x, y, width: NODE.width, height: NODE.height }));
  lines.forEach((line) => {
    const [from, to] = [place.get(line.from), place.get(line.to)];
    if (!from || !to) return;
    const start = isNarrow ? [from.x + NODE.width / 2, from.y + NODE.height] : [from.x + NODE.width, from.y + NODE.height / 2];
    const end = isNarrow ? [to.x + NODE.width / 2, to.y] : [to.x, to.y + NODE.height / 2];
    const bend = 60;
    const path = isNarrow
      ? `M${start} C${start[0]} ${start[1] + bend} ${end[0]} ${end[1] - bend} ${end}`
      : `M${start} C${start[0] + bend} ${start[1]} ${end[0] - bend} ${end[1]} ${end}`;
    const state = isFailing(line) ? "failing" : line.requests > 0 ? "" : "idle";
    const stroke = Math.min(8, 1.5 + Math.log2(1 + line.rate));
    svg.append(make("path", { d: path, class: `edge ${state}`, "stroke-width": stroke }));
    const tip = isNarrow
      ? `M${end[0]} ${end[1]} l-5 -9 l10 0 z`
      : `M${end[0]} ${end[1]} l-9 -5 l0 10 z`;
    svg.append(make("path", { d: tip, class: `arrow ${state}` }));
    const texts = labels(line, millis);
    const at = free(texts, start, end, taken);
    texts.forEach((text, index) => {
      front.push(make("text", { x: at.x, y: at.y + 11 + index * 15, class: "label", "text-anchor": "middle" }, text));
    });
  });
  svg.append(...front);
  for (const node of graph.nodes) {
    const { x, y } = place.get(node.id);
    const incoming = lines.filter((line) => line.to === node.id && line.ejected > 0);
    const state = isFailing(node) || incoming.length > 0 ? "failing" : "";
    const group = make("g", { class: `node ${node.kind} ${state}` });
    const title = make("title", {}, node.id);
    const rounding = node.kind === "host" ? 4 : 12;
    group.append(title, make("rect", { x, y, width: NODE.width, height: NODE.height, rx: rounding }));
    group.append(make("text", { x: x + 12, y: y + 24 }, shortened(node.id, 25)));
    const rate = node.requests > 0 ? `in ${node.rate.toFixed(1)}/s · p99 ${millis(node.p99_ms)}` : node.kind;
    group.append(make("text", { x: x + 12, y: y + 43, class: "sub" }, rate));
    svg.append(group);
  }
}

// Each section of the page has a function here. Text reaches the page through textContent only.

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

const bytes = (count) => `${number.format(count)} ${count === 1 ? "byte" : "bytes"}`;
const megabytes = (count) => `${(count / 1e6).toFixed(count < 1e7 ? 2 : 1)} MB`;
const plural = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? "" : "s"}`;

function duration(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function showPairs(list, pairs) {
  const row = ([name, value, className]) => {
    const made = document.createElement("div");
    made.append(element("dt", name), element("dd", value, className));
    return made;
  };
  list.replaceChildren(...pairs.map(row));
}

function say(line, text, failed = false) {
  line.textContent = text;
  line.classList.toggle("failed", failed);
}

// --- This process ---------------------------------------------------------------------------

function showActivity({ uptime, requests, streams }) {
  $("fact-uptime").textContent = duration(uptime);
  $("fact-requests").textContent = number.format(requests);
  $("fact-streams").textContent = number.format(streams);
}

async function showFacts() {
  const response = await fetch("facts");
  const facts = await response.json();
  $("fact-server").textContent = response.headers.get("server") ?? "not told";
  $("fact-version").textContent = facts.version ?? "not installed";
  $("fact-speed").textContent = facts.speed ?? "another server";
  $("fact-python").textContent = facts.python;
  $("fact-loop").textContent = facts.loop;
  $("fact-pid").textContent = facts.pid;
  showActivity(facts);
}

// --- Live clock -----------------------------------------------------------------------------

let clock = null;

function clockState(state) {
  $("clock-state").textContent = state;
  $("clock-state").dataset.state = state;
}

function showTick(event) {
  const tick = JSON.parse(event.data);
  const time = new Date(tick.time);
  $("clock-time").textContent = time.toLocaleTimeString("en-GB");
  $("clock-time").dateTime = tick.time;
  $("clock-date").textContent = time.toLocaleDateString("en-GB", { dateStyle: "medium" });
  $("clock-ring").setAttribute("stroke-dasharray", `${time.getSeconds()} 60`);
  $("clock-tick").textContent = number.format(tick.tick);
  clockState("live");
  showActivity(tick);
}

function startClock() {
  clockState("connecting");
  clock = new EventSource("clock");
  clock.onmessage = showTick;
  clock.onerror = () => clockState(clock.readyState === EventSource.CLOSED ? "closed" : "reconnecting");
}

function toggleClock() {
  if (clock) {
    clock.close();
    clock = null;
    clockState("paused");
  } else {
    startClock();
  }
  $("clock-toggle").textContent = clock ? "Pause" : "Resume";
}

// --- Request inspector ----------------------------------------------------------------------

const address = (pair) => (pair ? pair.filter((part) => part !== null).join(":") : "unknown");

function showFields(caption, fields) {
  const row = ([name, value]) => {
    const made = document.createElement("tr");
    const head = element("th", name);
    head.scope = "row";
    made.append(head, element("td", value));
    return made;
  };
  $("inspector-caption").textContent = `${caption} (${fields.length})`;
  $("inspector-fields").replaceChildren(...fields.map(row));
}

function showRequest(seen) {
  const query = seen.query && `?${seen.query}`;
  say($("inspector-line"), `${seen.method} ${seen.raw_path || seen.path}${query} HTTP/${seen.http_version}`);
  const pairs = [
    ["Scheme", seen.scheme],
    ["Path", seen.path],
    ["Query", seen.query || "none"],
    ["Client", address(seen.client)],
    ["Server", address(seen.server)],
    ["ASGI", `${seen.asgi.version}, HTTP ${seen.asgi.spec_version ?? "2.0"}`],
    ["Content", bytes(seen.content.bytes)],
  ];
  if (seen.content.excerpt) pairs.push(["Excerpt", seen.content.excerpt]);
  const extensions = seen.extensions.map((name) => name.replace("http.response.", ""));
  if (extensions.length) pairs.push(["Extensions", extensions.join(", ")]);
  showPairs($("inspector-facts"), pairs);
  showFields("Header fields of the request", seen.headers);
}

// The answer to HEAD, or one that another path gave: its own head is all there is to show.
function showResponse(method, response) {
  say($("inspector-line"), `${response.status} ${response.statusText}`, !response.ok);
  const note = method === "HEAD" ? "An answer to HEAD is a head alone" : "The inspector didn't get this request";
  showPairs($("inspector-facts"), [["Note", note]]);
  showFields("Header fields of the response", [...response.headers]);
}

function parseFields(text) {
  const fields = new Headers();
  for (const line of text.split("\n").filter((each) => each.trim())) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`A field is "Name: value", and this is not: ${line}`);
    fields.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

async function inspect(method, path, fields, content) {
  const body = content && method !== "GET" && method !== "HEAD" ? content : undefined;
  const url = path ? `inspect/${path}` : "inspect";
  const response = await fetch(url, { method, headers: parseFields(fields), body });
  const seen = await response.json().catch(() => null);
  if (seen?.headers) showRequest(seen);
  else showResponse(method, response);
}

async function sendRequest(event) {
  event.preventDefault();
  const form = event.target.elements;
  const path = form.path.value.replace(/^\/+/, "");
  try {
    await inspect(form.method.value, path, form.fields.value, form.content.value);
  } catch (error) {
    say($("inspector-line"), error.message, true);
  }
}

// --- Chat -----------------------------------------------------------------------------------

const KEPT = 200; // entries of the conversation that stay on the page
let room = null;
let ownName = "";

function chatState(text, state) {
  $("chat-state").textContent = text;
  $("chat-state").dataset.state = state;
}

function showPeople(people) {
  const who = (name) => element("li", name === ownName ? `${name} (you)` : name);
  $("chat-people").replaceChildren(...people.map(who));
  $("chat-people-title").textContent = `${plural(people.length, "person").replace("persons", "people")} here`;
}

function chatEntry({ kind, name, time, text }) {
  const made = element("li", "", kind === "said" && name === ownName ? "said own" : kind);
  const clock = element("time", new Date(time).toLocaleTimeString("en-GB", { timeStyle: "short" }));
  clock.dateTime = time;
  const words = kind === "said" ? text : kind === "joined" ? "has come in" : "has left";
  made.append(element("b", name), " ", element("span", words), " ", clock);
  return made;
}

function showEvents(events) {
  const log = $("chat-log");
  log.append(...events.map(chatEntry));
  while (log.children.length > KEPT) log.firstChild.remove();
  log.scrollTop = log.scrollHeight;
}

function chatEvent(event) {
  const news = JSON.parse(event.data);
  if (news.kind === "welcome") {
    ownName = news.you;
    $("chat-log").replaceChildren();
    showInRoom(true);
    chatState(`joined as ${ownName}`, "live");
  }
  if (news.people) showPeople(news.people);
  showEvents(news.history ?? [news]);
}

// The form for the name, or that for what is said, and the focus in it.
function showInRoom(inside) {
  $("chat-join").hidden = inside;
  $("chat-say").hidden = !inside;
  const field = inside ? $("chat-say").elements.text : $("chat-join").elements.name;
  field.focus({ preventScroll: true });
}

function chatClosed({ code, reason }) {
  room = null;
  showInRoom(false);
  $("chat-people").replaceChildren();
  $("chat-people-title").textContent = "Nobody to be seen yet";
  if (code === 1000) chatState("not joined", "");
  else chatState(`closed: ${reason || `code ${code}`}`, "closed");
}

function joinChat(event) {
  event.preventDefault();
  if (room) return;
  const url = new URL("chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("name", event.target.elements.name.value);
  url.hash = "";
  chatState("connecting", "");
  room = new WebSocket(url);
  room.onmessage = chatEvent;
  room.onclose = chatClosed;
}

function speak(event) {
  event.preventDefault();
  const field = event.target.elements.text;
  if (field.value.trim()) room?.send(field.value);
  field.value = "";
}

// --- Echo -----------------------------------------------------------------------------------

async function streamEcho(text) {
  const answer = $("echo-answer");
  answer.textContent = "";
  const began = performance.now();
  const response = await fetch("echo", { method: "POST", body: text });
  let pieces = 0;
  let size = 0;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    pieces += 1;
    size += read.value.length;
    answer.append(decoder.decode(read.value, { stream: true }));
  }
  const took = (performance.now() - began).toFixed(1);
  say($("echo-state"), `${bytes(size)} back in ${plural(pieces, "piece")} after ${took} ms`);
}

async function sendText(event) {
  event.preventDefault();
  try {
    await streamEcho(event.target.elements.text.value);
  } catch (error) {
    say($("echo-state"), `No answer: ${error.message}`, true);
  }
}

// --- Upload ---------------------------------------------------------------------------------

const SAMPLE = 16_000_000;
const COMPARE = 64_000_000; // up to here the browser can hash the file too, in its own memory
let transfer = null;

async function ownDigest(file) {
  if (!crypto.subtle || file.size > COMPARE) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function showUpload(file, report) {
  say($("upload-state"), `${bytes(report.bytes)} received`);
  const pairs = [
    ["SHA-256", report.sha256, "digest"],
    ["Rate", `${megabytes(report.bytes_per_second)}/s over ${report.seconds.toFixed(3)} s`],
    ["Pieces", `${number.format(report.pieces)}, the largest ${bytes(report.largest_piece)}`],
  ];
  showPairs($("upload-facts"), pairs);
  const own = await ownDigest(file);
  if (own === null) return;
  const same = own === report.sha256;
  pairs.push(["Compared", same ? "✓ the browser's own digest is the same" : "✗ the browser's own digest differs"]);
  showPairs($("upload-facts"), pairs);
}

function finishUpload() {
  transfer = null;
  $("upload-cancel").hidden = true;
}

function send(file) {
  transfer?.abort();
  const request = new XMLHttpRequest();
  transfer = request;
  const state = $("upload-state");
  const fail = (text) => {
    say(state, text, true);
    $("upload-progress").value = 0;
  };
  request.upload.onprogress = ({ loaded, total }) => {
    $("upload-progress").value = total ? loaded / total : 1;
    say(state, `${megabytes(loaded)} of ${megabytes(total)} sent`);
  };
  request.onload = () => {
    if (request.status === 200) showUpload(file, JSON.parse(request.responseText));
    else fail(`Refused: ${request.status} ${request.statusText}`);
  };
  request.onerror = () => fail("The connection broke");
  request.onabort = () => fail("Cancelled");
  request.onloadend = () => transfer === request && finishUpload();
  $("upload-progress").value = 0;
  $("upload-facts").replaceChildren();
  $("upload-cancel").hidden = false;
  say(state, `Sending ${file.name}`);
  request.open("POST", "upload");
  request.send(file);
}

function noise(size) {
  const block = new Uint8Array(65536);
  crypto.getRandomValues(block);
  const parts = Array(Math.ceil(size / block.length)).fill(block);
  return new File([new Blob(parts).slice(0, size)], "noise", { type: "application/octet-stream" });
}

function acceptFiles() {
  const drop = $("upload-drop");
  const over = (event, inside) => {
    event.preventDefault();
    drop.classList.toggle("over", inside);
  };
  drop.addEventListener("dragover", (event) => over(event, true));
  drop.addEventListener("dragleave", (event) => over(event, false));
  drop.addEventListener("drop", (event) => {
    over(event, false);
    if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
  });
  $("upload-file").addEventListener("change", ({ target }) => {
    if (target.files.length) send(target.files[0]);
    target.value = ""; // so that the same file can be chosen again
  });
}

// --- Start ----------------------------------------------------------------------------------

const base = new URL(".", location.href).href;
$("terminal").textContent = [
  `curl -i "${base}inspect/tea?sugar=2"`,
  `curl -N -T - -X POST ${base}echo`,
  `curl -X POST --data-binary @file ${base}upload`,
  `curl -N ${base}clock`,
].join("\n");
$("inspector-form").addEventListener("submit", sendRequest);
$("echo-form").addEventListener("submit", sendText);
$("chat-join").addEventListener("submit", joinChat);
$("chat-say").addEventListener("submit", speak);
$("chat-leave").addEventListener("click", () => room?.close(1000));
$("upload-form").addEventListener("submit", (event) => event.preventDefault());
$("upload-sample").addEventListener("click", () => send(noise(SAMPLE)));
$("upload-cancel").addEventListener("click", () => transfer?.abort());
$("clock-toggle").addEventListener("click", toggleClock);
acceptFiles();
startClock();
showFacts();
inspect("GET", "", "", "");

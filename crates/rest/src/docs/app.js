// Reads /openapi.json, lists its operations, and lets people try them against this server.
"use strict";

const METHODS = ["get", "post", "put", "delete"];
const CHANGES = "This changes data on this server.";
const STREAM_MILLISECONDS = 5000;
let spec = { paths: {}, components: {} };
let operations = [];

// --- Small helpers ---------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);

/** Makes an element; text is always text, so nothing from the document or an answer becomes markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== ""));
  return element;
}

/** Paragraphs, lists and `code` are all the markup that descriptions use. */
function inline(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

function prose(text) {
  return (text || "").split(/\n{2,}/).filter(Boolean).flatMap((paragraph) => {
    const lines = paragraph.split("\n");
    const first = lines.findIndex((line) => line.startsWith("- "));
    if (first < 0) return make("p", {}, inline(paragraph));
    const before = lines.slice(0, first).join("\n");
    const items = lines.slice(first).map((line) => make("li", {}, inline(line.replace(/^- /, ""))));
    return [before && make("p", {}, inline(before)), make("ul", {}, items)].filter(Boolean);
  });
}

function resolve(node) {
  if (!node || !node.$ref) return node || {};
  return node.$ref.slice(2).split("/").reduce((at, key) => (at || {})[key.replace(/~1/g, "/").replace(/~0/g, "~")], spec) || {};
}

/** What a schema allows, in one plain object: type, name, choices, element, members. */
function shape(schema) {
  const name = schema && schema.$ref ? schema.$ref.split("/").pop() : "";
  const found = resolve(schema);
  const variants = (found.anyOf || found.oneOf || []).filter((variant) => variant.type !== "null");
  if (variants.length === 1) return { ...shape(variants[0]), about: found.description };
  const constants = variants.map((variant) => variant.const).filter((value) => value !== undefined);
  const choices = (found.enum || (constants.length ? constants : [])).filter((value) => value !== null);
  const type = [].concat(found.type || (choices.length ? "string" : "any")).filter((one) => one !== "null")[0] || "any";
  return { type, name, choices, format: found.format, items: found.items, properties: found.properties, values: found.additionalProperties, about: found.description, fallback: found.default, maxLength: found.maxLength, minimum: found.minimum, maximum: found.maximum };
}

function kindOf(schema) {
  const it = shape(schema);
  if (it.type === "array") return `list of ${kindOf(it.items)}`;
  if (it.type === "object" && it.name) return it.name;
  if (it.type === "object") return "hash";
  if (it.format === "date-time") return "time";
  if (it.format === "binary") return "file";
  return it.type === "string" ? "text" : it.type;
}

// --- The index of operations -----------------------------------------------------------------------------------

function collect() {
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) operations.push({ ...operation, path, method, tag: (operation.tags || ["Other"])[0] || "Other" });
    }
  }
}

function drawIndex() {
  const groups = new Map();
  for (const operation of operations) {
    if (!groups.has(operation.tag)) groups.set(operation.tag, []);
    groups.get(operation.tag).push(operation);
  }
  const names = [...groups.keys()].sort((a, b) => a.localeCompare(b));
  byId("operations").replaceChildren(...names.map((tag) => {
    const links = groups.get(tag).map((operation) => {
      const ours = operation["x-frontdesk-extension"] ? make("span", { class: "quiet", title: "Frontdesk's own, not part of the platform's published API" }, " · own") : null;
      const method = make("span", { class: `method ${operation.method}` }, operation.method === "delete" ? "DEL" : operation.method.toUpperCase());
      operation.link = make("a", { href: `#/${operation.operationId}` }, method, make("span", {}, operation.summary || operation.operationId, ours));
      operation.entry = make("li", {}, operation.link);
      return operation.entry;
    });
    return make("details", { "data-tag": tag }, make("summary", {}, tag, make("span", { class: "quiet" }, String(links.length))), make("ul", {}, links));
  }));
}

function filterIndex() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  let matches = 0;
  for (const operation of operations) {
    const text = `${operation.method} ${operation.path} ${operation.operationId} ${operation.summary} ${operation.description} ${operation.tag}`.toLowerCase();
    const shown = words.every((word) => text.includes(word));
    operation.entry.hidden = !shown;
    matches += shown ? 1 : 0;
  }
  for (const group of byId("operations").children) {
    const shown = [...group.querySelectorAll("li")].filter((entry) => !entry.hidden).length;
    group.querySelector("summary .quiet").textContent = String(shown);
    group.hidden = !shown;
    group.open = shown > 0 && (words.length > 0 || group.querySelector("[aria-current]") !== null);
  }
  byId("matches").textContent = words.length ? `${matches} of ${operations.length} operations` : `${operations.length} operations`;
}

// --- One operation ---------------------------------------------------------------------------------------------

function show() {
  const id = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
  if (id === "main") return;
  const operation = operations.find((one) => one.operationId === id);
  for (const one of operations) one.link.removeAttribute("aria-current");
  if (operation) {
    operation.link.setAttribute("aria-current", "page");
    operation.link.closest("details").open = true;
    operation.link.scrollIntoView({ block: "nearest" });
  }
  document.title = operation ? `${operation.summary} · ${spec.info.title}` : spec.info.title;
  byId("main").replaceChildren(...(operation ? drawOperation(operation) : drawWelcome()));
  window.scrollTo(0, 0);
  if (operation && narrow.matches) byId("index").open = false;
}

function drawWelcome() {
  const extensions = operations.filter((operation) => operation["x-frontdesk-extension"]).length;
  return [
    make("h1", {}, spec.info.title),
    make("p", { class: "quiet" }, `${operations.length} operations under ${base()}, ${extensions} of them marked as extensions.`),
    ...prose(spec.info.description),
    make("h2", {}, "Start"),
    make("p", {}, "Paste an access token above, choose an operation, and send it. Requests go to this server and act on its real data."),
    make("pre", {}, `curl -H "Authorization: Bearer $TOKEN" ${base()}/users/me`),
    make("h2", {}, "For tools"),
    make("p", {}, "The same description for generators and test tools: ", make("a", { href: "/openapi.json" }, "/openapi.json"), " (OpenAPI 3.1)."),
  ];
}

const base = () => `${location.origin}/1.0`;

function drawOperation(operation) {
  const extension = operation["x-frontdesk-extension"] ? make("span", { class: "badge" }, "extension") : null;
  const method = make("span", { class: `method ${operation.method}` }, operation.method.toUpperCase());
  const form = drawForm(operation);
  return [
    make("p", { class: "crumb quiet" }, `${operation.tag} · ${operation.operationId}`),
    make("h1", {}, operation.summary || operation.operationId, extension),
    make("div", { class: "address" }, method, make("code", {}, `/1.0${operation.path}`)),
    ...prose(operation.description),
    make("div", { class: "split" }, make("div", {}, form.element), make("div", {}, form.output, drawAnswers(operation))),
  ];
}

/** All fields of an operation: in the path, then its own, then those that every operation takes. */
function fieldsOf(operation) {
  const fields = [];
  for (const parameter of (operation.parameters || [])) {
    const found = resolve(parameter);
    const group = found.in === "path" ? "Path" : parameter.$ref ? "Every request" : "Parameters";
    fields.push({ name: found.name.replace(/\[\]$/, ""), in: found.in, group, required: found.required, schema: found.schema, about: found.description });
  }
  const content = (operation.requestBody || {}).content || {};
  const media = content["application/json"] || content["multipart/form-data"];
  const schema = media ? resolve(media.schema) : {};
  for (const [name, property] of Object.entries(schema.properties || {})) {
    const about = shape(property).about;
    fields.push({ name: name.replace(/\[\]$/, ""), in: "body", group: "Parameters", required: (schema.required || []).includes(name), schema: property, about });
  }
  if (schema.additionalProperties) {
    const about = "Parameters whose names you choose, as an object.";
    fields.push({ name: "…", in: "body", group: "Parameters", spread: true, schema: { type: "object", additionalProperties: schema.additionalProperties }, about });
  }
  return fields;
}

function drawForm(operation) {
  const fields = fieldsOf(operation);
  const content = (operation.requestBody || {}).content || {};
  const upload = !content["application/json"] && content["multipart/form-data"];
  const groups = ["Path", "Parameters", "Every request"].map((group) => {
    const rows = fields.filter((field) => field.group === group).map(drawField);
    if (!rows.length) return null;
    if (group !== "Every request") return make("fieldset", {}, make("legend", {}, group), rows);
    return make("details", { class: "more" }, make("summary", {}, "Parameters of every request"), make("fieldset", {}, make("legend", { class: "hidden" }, group), rows));
  });
  const format = make("select", {}, make("option", { value: "form" }, "form"), make("option", { value: "json" }, "JSON"));
  const send = make("button", { class: "send", type: "submit" }, `Send ${operation.method.toUpperCase()}`);
  const trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  const changes = operation.method === "get" && operation.operationId !== "openThread" ? null : make("p", { class: "warning" }, CHANGES);
  const choice = content["application/json"] ? make("label", {}, "Send as", format) : null;
  const element = make("form", { novalidate: true }, groups, make("div", { class: "actions" }, send, choice, changes), trouble);
  const curl = make("pre", {});
  const answer = make("div", { "aria-live": "polite" });
  const output = make("div", {}, titled("Request", curl), curl, answer);

  const prepared = () => prepare(operation, fields, upload ? "multipart" : choice ? format.value : "query");
  const refresh = () => {
    try {
      curl.textContent = curlOf(prepared());
      trouble.hidden = true;
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  };
  element.addEventListener("input", refresh);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    refresh();
    const missing = fields.find((field) => field.in === "path" && !field.control.value);
    if (missing) {
      trouble.textContent = `Fill in ${missing.name}: it is part of the path.`;
      trouble.hidden = false;
      missing.control.focus();
    }
    if (!trouble.hidden) return;
    send.disabled = true;
    answer.replaceChildren(make("p", { class: "quiet" }, "Waiting for the answer…"));
    answer.replaceChildren(...(await perform(prepared())));
    send.disabled = false;
    answer.scrollIntoView({ block: "nearest" });
  });
  refresh();
  return { element, output };
}

let controls = 0;

function drawField(field) {
  const it = shape(field.schema);
  const id = `field-${controls++}`;
  const about = { id, "aria-describedby": `${id}-about`, "aria-required": field.required ? "true" : null };
  const limits = [it.maxLength && `at most ${it.maxLength} characters`, it.minimum != null && it.maximum != null && `${it.minimum} to ${it.maximum}`, it.fallback != null && it.fallback !== "" && !(Array.isArray(it.fallback) && !it.fallback.length) && `default ${JSON.stringify(it.fallback)}`];
  if (it.format === "binary") {
    field.control = make("input", { ...about, type: "file" });
  } else if (it.type === "boolean" || it.choices.length) {
    const values = it.type === "boolean" ? ["true", "false"] : it.choices;
    field.control = make("select", about, make("option", { value: "" }, "—"), values.map((value) => make("option", { value }, String(value))));
  } else if (it.type === "array" && !["object", "array", "any"].includes(shape(it.items).type)) {
    field.control = make("textarea", { ...about, rows: 2, placeholder: "one per line", spellcheck: "false" });
    field.lines = true;
  } else if (["array", "object", "any"].includes(it.type)) {
    field.control = make("textarea", { ...about, rows: 2, placeholder: it.type === "array" ? "[ … ] as JSON" : "{ … } as JSON", spellcheck: "false" });
    field.json = true;
  } else {
    field.control = make("input", { ...about, type: "text", autocomplete: "off", spellcheck: "false", inputmode: it.type === "integer" ? "numeric" : null });
  }
  const kind = make("span", { class: "kind" }, [kindOf(field.schema), ...limits].filter(Boolean).join(", "), field.required ? make("span", { class: "required" }, " required") : null);
  const description = field.about ? make("p", { class: "about", id: `${id}-about` }, inline(field.about)) : make("span", { id: `${id}-about` });
  return make("div", { class: "field" }, make("label", { class: "name", for: id }, make("code", {}, field.name), kind), make("div", {}, field.control, description));
}

function titled(title, pre) {
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.textContent);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  return make("div", { class: "titled" }, make("h2", {}, title), navigator.clipboard ? copy : null);
}

// --- Sending ---------------------------------------------------------------------------------------------------

/** A field's value as JSON, or undefined when it is left blank. */
function valueOf(field) {
  if (field.control.type === "file") return field.control.files[0];
  const text = field.control.value;
  if (text.trim() === "") return undefined;
  if (field.lines) return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!field.json) return text;
  try {
    return JSON.parse(text);
  } catch {
    if (shape(field.schema).type === "any") return text;
    throw new Error(`${field.name} is not valid JSON.`);
  }
}

/** name[]=…, name[key]=… as the API reads them. */
function pairs(name, value) {
  if (Array.isArray(value)) return value.flatMap((one) => pairs(`${name}[]`, one));
  if (value !== null && typeof value === "object") return Object.entries(value).flatMap(([key, one]) => pairs(`${name}[${key}]`, one));
  return [[name, value === null ? "" : String(value)]];
}

const encode = (list) => list.map(([name, value]) => `${encodeURIComponent(name).replace(/%5B/g, "[").replace(/%5D/g, "]")}=${encodeURIComponent(value)}`).join("&");

/** Turns what was filled in into a request. */
function prepare(operation, fields, format) {
  let path = operation.path;
  const query = [];
  const body = {};
  const headers = {};
  for (const field of fields) {
    const value = valueOf(field);
    if (field.in === "path") path = path.replace(`{${field.name}}`, value === undefined ? `{${field.name}}` : encodeURIComponent(value));
    else if (value === undefined) continue;
    else if (field.in === "header") headers[field.name] = value;
    else if (field.in === "query") query.push(...pairs(field.name, value));
    else if (field.spread) Object.assign(body, value);
    else body[field.name] = value;
  }
  const request = { method: operation.method.toUpperCase(), url: `${base()}${path}${query.length ? `?${encode(query)}` : ""}`, headers };
  const given = Object.entries(body);
  if (format === "json" && given.length) {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  } else if (format === "form" && given.length) {
    headers["Content-Type"] = "application/x-www-form-urlencoded";
    request.body = encode(given.flatMap(([name, value]) => pairs(name, value)));
  } else if (format === "multipart") {
    request.parts = given.flatMap(([name, value]) => (value instanceof File ? [[name, value]] : pairs(name, value)));
  }
  return request;
}

const quoted = (text) => `'${text.replace(/'/g, `'\\''`)}'`;

/** The same request for a terminal. The token stays out of it, so that it can be passed on. */
function curlOf(request) {
  const lines = [`curl -X ${request.method} ${quoted(request.url)}`, `-H "Authorization: Bearer $TOKEN"`];
  for (const [name, value] of Object.entries(request.headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (request.body) lines.push(`--data-raw ${quoted(request.body)}`);
  for (const [name, value] of request.parts || []) lines.push(`-F ${quoted(value instanceof File ? `${name}=@${value.name}` : `${name}=${value}`)}`);
  return lines.join(" \\\n  ");
}

async function perform(request) {
  const headers = { ...request.headers };
  const token = byId("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  let body = request.body;
  if (request.parts) {
    body = new FormData();
    for (const [name, value] of request.parts) body.append(name, value);
  }
  const started = performance.now();
  try {
    const response = await fetch(request.url, { method: request.method, headers, body, credentials: "omit", cache: "no-store" });
    const isStream = (response.headers.get("Content-Type") || "").startsWith("text/event-stream");
    const text = await (isStream ? firstWords(response) : response.text());
    const milliseconds = Math.round(performance.now() - started);
    return drawResponse(response, text, milliseconds);
  } catch (error) {
    return [make("p", { class: "trouble" }, `The server did not answer: ${error.message}`)];
  }
}

// A stream has no end: what comes in the first seconds is shown.
async function firstWords(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const alarm = setTimeout(() => reader.cancel(), STREAM_MILLISECONDS);
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
  clearTimeout(alarm);
  return text;
}

function drawResponse(response, text, milliseconds) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON: shown as it came.
  }
  const body = make("pre", { tabindex: 0, "aria-label": "Body of the answer" }, shown || "(empty)");
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const status = make("p", { class: response.ok ? "status" : "status failed" }, make("strong", {}, `${response.status} ${response.statusText}`), make("span", { class: "quiet" }, `${milliseconds} ms, ${text.length.toLocaleString()} characters`));
  return [titled("Answer", body), status, make("details", { class: "more" }, make("summary", {}, "Headers"), make("pre", {}, headers)), body];
}

// --- What an operation answers ---------------------------------------------------------------------------------

function drawAnswers(operation) {
  const rows = [];
  let schema = null;
  for (const [status, response] of Object.entries(operation.responses || {})) {
    const found = resolve(response);
    const content = found.content || {};
    if (status < "300") schema = (content["application/json"] || content["text/event-stream"] || {}).schema;
    rows.push(make("tr", {}, make("td", {}, status), make("td", {}, inline(found.description || ""))));
  }
  const properties = schema ? drawSchema(schema) : null;
  return make("div", {},
    properties ? make("h2", {}, `What it answers: ${kindOf(schema)}`) : null, properties,
    make("h2", {}, "Statuses"), make("table", {}, make("tbody", {}, rows)));
}

/** The members of a schema; inner ones are drawn when they are opened, so that schemas may contain themselves. */
function drawSchema(schema) {
  const it = shape(schema);
  if (it.type === "array") return drawSchema(it.items);
  const members = Object.entries(it.properties || {});
  if (!members.length) return null;
  return make("ul", { class: "schema" }, members.map(([name, property]) => {
    const inner = shape(property);
    const kind = make("span", { class: "kind" }, ` ${kindOf(property)}${inner.choices.length ? `: ${inner.choices.join(", ")}` : ""}`);
    const about = inner.about ? make("p", { class: "about" }, inline(inner.about)) : null;
    const element = inner.type === "array" ? shape(inner.items) : inner;
    if (!element.properties) return make("li", {}, make("code", {}, name), kind, about);
    const details = make("details", {}, make("summary", {}, make("code", {}, name), kind), about);
    details.addEventListener("toggle", () => details.append(drawSchema(property)), { once: true });
    return make("li", {}, details);
  }));
}

// --- Start -----------------------------------------------------------------------------------------------------

const narrow = window.matchMedia("(max-width: 52rem)");

function keepToken() {
  try {
    if (byId("keep").checked) sessionStorage.setItem("token", byId("token").value);
    else sessionStorage.removeItem("token");
  } catch {
    // Storage is off: the token then lives in the field alone.
  }
}

function restoreToken() {
  try {
    const token = sessionStorage.getItem("token");
    if (token === null) return;
    byId("token").value = token;
    byId("keep").checked = true;
  } catch {
    // As above.
  }
}

async function start() {
  restoreToken();
  byId("token").addEventListener("input", keepToken);
  byId("keep").addEventListener("change", keepToken);
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(`status ${response.status}`);
    spec = await response.json();
  } catch (error) {
    byId("main").replaceChildren(make("p", { class: "trouble" }, `The description could not be loaded: ${error.message}. Reload the page to try again.`));
    return;
  }
  byId("version").textContent = spec.info.version;
  collect();
  drawIndex();
  byId("index").open = !narrow.matches;
  narrow.addEventListener("change", () => { byId("index").open = !narrow.matches; });
  byId("filter").addEventListener("input", filterIndex);
  window.addEventListener("hashchange", () => { show(); byId("main").focus({ preventScroll: true }); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    byId("index").open = true;
    byId("filter").focus();
  });
  show();
  filterIndex();
}

start();

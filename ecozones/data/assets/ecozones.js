/*
 The page side of ecozones.maps: layers from compact typed arrays on canvas, and the furniture of an official map.
 No number is computed here except what a user measures by hand; areas and verdicts come with the data.
*/
(function () {
'use strict';

const WORLD = 20037508.342789244;                 // half the side of Web Mercator [m]
const RADIUS = 6378137;                           // its sphere [m]
const A = 6378137, F = 1 / 298.257222101;         // the ellipsoid of CGCS2000
const state = {language: 'zh', layers: {}, order: [], meta: {}, map: null, chosen: null, drawing: null};
const words = {};
const text = said => said == null ? '' : typeof said === 'object' ? String(said[state.language] ?? said.zh ?? '') : String(said);
const word = key => text(words[key]);

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === 'on') for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (value != null) node.setAttribute(key, value);
  }
  // strings become text nodes: a name from a shapefile is never read as markup
  for (const child of children.flat()) if (child != null) node.append(child);
  return node;
}

/* ------------------------------------------------------------------------------------------------ compact data */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const raw = atob(base64), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

async function unpack(id) {
  const node = document.getElementById(id), packed = bytesOf(node.textContent.trim());
  node.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// numbers lie as four planes of bytes (lowest first): gzip finds little in the first and nothing but zeros in the last
function reader(bytes) {
  let at = 0;
  return {
    planes(n) {
      const out = new Uint32Array(n), a = at, b = a + n, c = b + n, d = c + n;
      for (let i = 0; i < n; i++) out[i] = bytes[a + i] | bytes[b + i] << 8 | bytes[c + i] << 16 | bytes[d + i] << 24;
      at = d + n;
      return out;
    },
    deltas(n) {
      const out = new Int32Array(n), a = at, b = a + n, c = b + n, d = c + n;
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const z = bytes[a + i] | bytes[b + i] << 8 | bytes[c + i] << 16 | bytes[d + i] << 24;
        sum += (z >>> 1) ^ -(z & 1);
        out[i] = sum;
      }
      at = d + n;
      return out;
    },
    bytes(n) { at += n; return bytes.subarray(at - n, at); },
  };
}

function decode(bytes, spec) {
  const read = reader(bytes), n = spec.n;
  const geometry = {n, kind: read.bytes(n), code: read.bytes(n), rings: read.planes(n)};
  geometry.length = read.planes(spec.rings);
  geometry.x = read.deltas(spec.vertices);
  geometry.y = read.deltas(spec.vertices);
  // running starts, and the box of every feature
  geometry.firstRing = new Uint32Array(n + 1);
  geometry.start = new Uint32Array(spec.rings + 1);
  geometry.box = new Int32Array(4 * n);
  for (let r = 0; r < spec.rings; r++) geometry.start[r + 1] = geometry.start[r] + geometry.length[r];
  for (let f = 0; f < n; f++) {
    geometry.firstRing[f + 1] = geometry.firstRing[f] + geometry.rings[f];
    let x0 = 2147483647, y0 = x0, x1 = -x0, y1 = -x0;
    const from = geometry.start[geometry.firstRing[f]], to = geometry.start[geometry.firstRing[f + 1]];
    for (let v = from; v < to; v++) {
      const x = geometry.x[v], y = geometry.y[v];
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
    geometry.box.set([x0, y0, x1, y1], 4 * f);
  }
  return geometry;
}

/* ------------------------------------------------------------------------------------------------ drawing */
const hatches = new Map();

function hatch(context, style, scale) {
  const key = [style.hatch, style.hatch_color, scale].join();
  if (!hatches.has(key)) {
    const side = Math.round(9 * scale), tile = document.createElement('canvas'), pen = tile.getContext('2d');
    tile.width = tile.height = side;
    pen.strokeStyle = style.hatch_color;
    pen.lineWidth = 2 * scale;
    const stroke = (x0, y0, x1, y1) => { pen.beginPath(); pen.moveTo(x0, y0); pen.lineTo(x1, y1); pen.stroke(); };
    const rising = () => { for (const s of [-side, 0, side]) stroke(s - side, 2 * side, s + 2 * side, -side); };
    const falling = () => { for (const s of [-side, 0, side]) stroke(s - side, -side, s + 2 * side, 2 * side); };
    if (style.hatch === '/' || style.hatch === 'x') rising();
    if (style.hatch === '\\' || style.hatch === 'x') falling();
    if (style.hatch === '-') stroke(0, side / 2, side, side / 2);
    hatches.set(key, tile);
  }
  return context.createPattern(hatches.get(key), 'repeat');
}

function rgba(hex, alpha) {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16},${n >> 8 & 255},${n & 255},${alpha})`;
}

// one place that turns a style into ink: the map, the legend and the exported picture use it
function ink(context, style, scale, thin) {
  return {
    fill: style.opacity > 0 ? rgba(style.fill, style.opacity) : null,
    hatch: style.hatch ? hatch(context, style, scale) : null,
    edge: style.width > 0 ? rgba(style.edge, thin < 1 ? Math.max(thin, .25) : 1) : null,
    width: Math.max(style.width * thin, .35) * scale,
    dash: style.dash.map(d => d * scale),
  };
}

function paint(context, pen, closed) {
  if (closed && pen.fill) { context.fillStyle = pen.fill; context.fill('evenodd'); }
  if (closed && pen.hatch) { context.fillStyle = pen.hatch; context.fill('evenodd'); }
  if (pen.edge) {
    context.strokeStyle = pen.edge;
    context.lineWidth = pen.width;
    context.setLineDash(pen.dash);
    context.stroke();
  }
}

const PAPER = 2.5;                                // pixels on paper for one on the screen
let screen = null;                                // where the screen was, while a page is printed

/* A view turns Mercator units into pixels: px = x * k + dx, py = -y * k + dy. */
function viewOf(map, unit, origin, zoom, scale) {
  const k = 256 * 2 ** zoom / (2 * WORLD) * scale;
  return {k: k * unit, dx: k * WORLD - origin.x * scale, dy: k * WORLD - origin.y * scale, scale, zoom};
}

const Sheet = L.Renderer.extend({
  options: {padding: .35},
  initialize(spec, geometry, picture) {
    L.Renderer.prototype.initialize.call(this, {pane: 'eco-' + spec.id});
    this.spec = spec;
    this.geometry = geometry;
    this.picture = picture;
    this.id = spec.id;
    this.drawn = 0;
    this._layers = {};
    if (geometry) {
      // a typical feature tells when outlines would be all that can be seen
      const sizes = [];
      const step = Math.max(1, geometry.n >> 9);
      for (let f = 0; f < geometry.n; f += step) if (geometry.kind[f] === 0) sizes.push(Math.max(geometry.box[4 * f + 2] - geometry.box[4 * f], geometry.box[4 * f + 3] - geometry.box[4 * f + 1]));
      sizes.sort((a, b) => a - b);
      this.typical = sizes.length ? sizes[sizes.length >> 1] : Infinity;
    }
  },
  _initContainer() {
    this._container = el('canvas', {class: 'eco-sheet'});
    this._context = this._container.getContext('2d');
  },
  _destroyContainer() { this._container.remove(); delete this._container; },
  _updatePaths() {},
  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize(), canvas = this._container, dpr = window.devicePixelRatio || 1;
    L.DomUtil.setPosition(canvas, this._bounds.min);
    canvas.width = size.x * dpr;
    canvas.height = size.y * dpr;
    canvas.style.width = size.x + 'px';
    canvas.style.height = size.y + 'px';
    const origin = this._map.getPixelOrigin().add(this._bounds.min);
    this.draw(this._context, origin, this._map.getZoom(), dpr, canvas.width, canvas.height);
  },
  shows(f) { return !this.spec.years || state.year == null || (state.onlyYear ? this.spec.years[f] === state.year : this.spec.years[f] <= state.year); },
  draw(context, origin, zoom, scale, width, height) {
    if (this.picture) {
      const view = viewOf(this._map, 1, origin, zoom, scale), [x0, y0, x1, y1] = this.spec.picture.bounds;
      context.imageSmoothingEnabled = view.k * this.spec.picture.cell < 2 || this.spec.picture.smooth;
      context.drawImage(this.picture, x0 * view.k + view.dx, -y1 * view.k + view.dy, (x1 - x0) * view.k, (y1 - y0) * view.k);
    }
    const g = this.geometry;
    this.drawn = 0;
    if (!g) return;
    const view = viewOf(this._map, this.spec.unit, origin, zoom, scale), {k, dx, dy} = view;
    const thin = Math.min(1, this.typical * k / scale / 14);
    const pens = this.spec.classes.map(style => ink(context, style, scale, thin));
    context.lineJoin = 'round';
    const margin = 12 * scale;
    for (let f = 0; f < g.n; f++) {
      if (this.spec.years && !this.shows(f)) continue;
      this.drawn++;
      const left = g.box[4 * f] * k + dx, right = g.box[4 * f + 2] * k + dx;
      const top = -g.box[4 * f + 3] * k + dy, bottom = -g.box[4 * f + 1] * k + dy;
      if (right < -margin || left > width + margin || bottom < -margin || top > height + margin) continue;
      const pen = pens[g.code[f]];
      if (g.kind[f] === 2) { this.dots(context, f, view, pen); continue; }
      if (this.spec.anchors && right - left < 9 * scale && bottom - top < 9 * scale) {
        // what the map is about is seen at any zoom
        context.beginPath();
        context.arc((left + right) / 2, (top + bottom) / 2, 4.5 * scale, 0, 7);
        paint(context, {fill: pen.edge, edge: '#fff', width: 1.5 * scale, dash: []}, true);
        continue;
      }
      if (g.kind[f] === 0 && right - left < scale && bottom - top < scale && !pen.hatch) {
        context.fillStyle = pen.fill || pen.edge;
        context.fillRect(left, top, Math.max(right - left, .5 * scale), Math.max(bottom - top, .5 * scale));
        continue;
      }
      context.beginPath();
      this.trace(context, f, view);
      paint(context, pen, g.kind[f] === 0);
    }
    context.setLineDash([]);
  },
  // vertices that fall on the same pixel are passed over while drawing; the data keep them
  trace(context, f, {k, dx, dy, scale}) {
    const g = this.geometry, near = .6 * scale, closed = g.kind[f] === 0;
    for (let r = g.firstRing[f]; r < g.firstRing[f + 1]; r++) {
      const from = g.start[r], to = g.start[r + 1];
      let px = g.x[from] * k + dx, py = -g.y[from] * k + dy;
      context.moveTo(px, py);
      for (let v = from + 1; v < to; v++) {
        const x = g.x[v] * k + dx, y = -g.y[v] * k + dy;
        if (v < to - 1 && x - px < near && px - x < near && y - py < near && py - y < near) continue;
        context.lineTo(x, y);
        px = x;
        py = y;
      }
      if (closed) context.closePath();
    }
  },
  dots(context, f, {k, dx, dy, scale}, pen) {
    const g = this.geometry;
    for (let v = g.start[g.firstRing[f]]; v < g.start[g.firstRing[f + 1]]; v++) {
      context.beginPath();
      context.arc(g.x[v] * k + dx, -g.y[v] * k + dy, 4.5 * scale, 0, 7);
      paint(context, {fill: pen.edge || pen.fill, edge: '#fff', width: 1.5 * scale, dash: []}, true);
    }
  },
  // features under a place (Mercator metres), the smallest first
  hits(mx, my, reach) {
    const g = this.geometry, found = [];
    if (!g) return found;
    const u = this.spec.unit, x = mx / u, y = my / u, r = reach / u;
    for (let f = 0; f < g.n; f++) {
      if (x < g.box[4 * f] - r || x > g.box[4 * f + 2] + r || y < g.box[4 * f + 1] - r || y > g.box[4 * f + 3] + r) continue;
      if (this.spec.years && !this.shows(f)) continue;
      if (g.kind[f] === 0 ? this.inside(f, x, y) : this.nearTo(f, x, y, r)) found.push(f);
    }
    return found.sort((a, b) => this.spread(a) - this.spread(b));
  },
  spread(f) { const b = this.geometry.box; return (b[4 * f + 2] - b[4 * f]) * (b[4 * f + 3] - b[4 * f + 1]); },
  inside(f, x, y) {
    const g = this.geometry;
    let within = false;
    for (let r = g.firstRing[f]; r < g.firstRing[f + 1]; r++) {
      const from = g.start[r], to = g.start[r + 1];
      for (let v = from, w = to - 1; v < to; w = v++) {
        if (g.y[v] > y !== g.y[w] > y && x < (g.x[w] - g.x[v]) * (y - g.y[v]) / (g.y[w] - g.y[v]) + g.x[v]) within = !within;
      }
    }
    return within;
  },
  nearTo(f, x, y, reach) {
    const g = this.geometry;
    for (let r = g.firstRing[f]; r < g.firstRing[f + 1]; r++) {
      const last = g.start[r + 1] - 1;
      for (let v = g.start[r]; v <= last; v++) {
        const w = g.kind[f] === 1 ? Math.min(v + 1, last) : v, ex = g.x[w] - g.x[v], ey = g.y[w] - g.y[v];
        const t = ex || ey ? Math.max(0, Math.min(1, ((x - g.x[v]) * ex + (y - g.y[v]) * ey) / (ex * ex + ey * ey))) : 0;
        if (Math.hypot(x - g.x[v] - t * ex, y - g.y[v] - t * ey) <= reach) return true;
      }
    }
    return false;
  },
  bounds(f) {
    const u = this.spec.unit, b = this.geometry.box;
    return L.latLngBounds([unproject(b[4 * f] * u, b[4 * f + 1] * u), unproject(b[4 * f + 2] * u, b[4 * f + 3] * u)]);
  },
});

const unproject = (x, y) => L.Projection.SphericalMercator.unproject(L.point(x, y));
const project = place => L.Projection.SphericalMercator.project(L.latLng(place));

/* names and what was picked, above every layer */
const Names = L.Renderer.extend({
  options: {padding: 0},
  initialize() { L.Renderer.prototype.initialize.call(this, {pane: 'eco-names'}); this._layers = {}; },
  _initContainer: Sheet.prototype._initContainer,
  _destroyContainer: Sheet.prototype._destroyContainer,
  _updatePaths() {},
  _update: Sheet.prototype._update,
  draw(context, origin, zoom, scale, width, height) {
    const taken = [];
    if (state.chosen) {
      const {sheet, f} = state.chosen, view = viewOf(this._map, sheet.spec.unit, origin, zoom, scale);
      if (this._map.hasLayer(sheet) && sheet.geometry.kind[f] !== 2) {
        context.beginPath();
        sheet.trace(context, f, view);
        for (const [edge, wide] of [['#fff', 6], ['#00BFFF', 3]]) paint(context, {edge, width: wide * scale, dash: []}, false);
      }
    }
    context.font = `600 ${12 * scale}px ${getComputedStyle(document.body).fontFamily}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    for (const sheet of [...state.order].reverse()) {
      if (!sheet.spec.names || !this._map.hasLayer(sheet)) continue;
      const view = viewOf(this._map, sheet.spec.unit, origin, zoom, scale);
      sheet.spec.names.forEach((name, f) => {
        if (!name || (sheet.spec.years && !sheet.shows(f))) return;
        const [ax, ay] = sheet.spec.anchors[f], shown = name.length > 24 ? name.slice(0, 23) + '…' : name;
        const x = ax * view.k + view.dx, y = -ay * view.k + view.dy + (sheet.geometry.kind[f] === 2 ? 15 * scale : 0);
        const half = context.measureText(shown).width / 2 + 3 * scale, box = [x - half, y - 9 * scale, x + half, y + 9 * scale];
        if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) return;
        if (taken.some(b => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) return;
        taken.push(box);
        context.strokeStyle = 'rgba(255,255,255,.92)';
        context.lineWidth = 3.5 * scale;
        context.setLineDash([]);
        context.strokeText(shown, x, y);
        context.fillStyle = '#111';
        context.fillText(shown, x, y);
      });
    }
  },
});

/* ------------------------------------------------------------------------------------------------ base maps */
function toGcj(place) {
  const {lat, lng} = place;
  if (lng < 72.004 || lng > 137.8347 || lat < .8293 || lat > 55.8271) return place;
  const x = lng - 105, y = lat - 35, p = Math.PI, waves = (z, a, b, c, d) => 2 / 3 * (a * Math.sin(p * z) + b * Math.sin(p * z / 3) + c * Math.sin(p * z / 12) + d * Math.sin(p * z / 30));
  const common = .1 * x * y + 40 / 3 * (Math.sin(6 * p * x) + Math.sin(2 * p * x));
  const north = -100 + 2 * x + 3 * y + .2 * y * y + .2 * Math.sqrt(Math.abs(x)) + common + waves(y, 20, 40, 160, 320);
  const east = 300 + x + 2 * y + .1 * x * x + .1 * Math.sqrt(Math.abs(x)) + common + waves(x, 20, 40, 150, 300);
  const a = 6378245, e2 = .00669342162296594323, phi = lat * p / 180, w2 = 1 - e2 * Math.sin(phi) ** 2;
  return L.latLng(lat + north / (a * (1 - e2) / (w2 * Math.sqrt(w2))) * 180 / p, lng + east / (a / Math.sqrt(w2) * Math.cos(phi)) * 180 / p);
}

// the tiles are moved, never the data: what is read off, measured or drawn stays on CGCS2000
const ShiftedTiles = L.TileLayer.extend({
  _getTiledPixelBounds(center) { return L.TileLayer.prototype._getTiledPixelBounds.call(this, toGcj(L.latLng(center))); },
  _setZoomTransform(level, center, zoom) { L.TileLayer.prototype._setZoomTransform.call(this, level, toGcj(L.latLng(center)), zoom); },
  _onMoveEnd() {
    if (!this._map || this._map._animatingZoom) return;
    this._setZoomTransforms(this._map.getCenter(), this._map.getZoom());
    this._update();
  },
});

function keyOf(spec, done) {
  if (spec.key) { done(spec.key); return; }
  const name = 'ecozones.key.' + spec.id;
  let known = null;
  try { known = localStorage.getItem(name); } catch (refused) { known = null; }
  if (known) { done(known); return; }
  const field = el('input', {type: 'text', size: 28, 'aria-label': word('key')});
  const box = el('div', {class: 'eco-box eco-key eco-noprint'}, el('span', {}, text(spec.label) + ' · ' + word('key') + ' '), field,
    el('button', {on: {click() {
      const key = field.value.trim();
      if (!/^[0-9A-Za-z]{8,64}$/.test(key)) { field.focus(); return; }
      try { localStorage.setItem(name, key); } catch (refused) { /* a page opened from a file may have no store */ }
      box.remove();
      done(key);
    }}}, '√'), el('button', {on: {click: () => box.remove()}}, '×'));
  state.map.getContainer().append(box);
  L.DomEvent.disableClickPropagation(box);
}

function addTiles(spec) {
  const Kind = spec.gcj ? ShiftedTiles : L.TileLayer;
  const put = key => {
    spec.layers.forEach(url => {
      const tiles = new Kind(url.replace('{key}', encodeURIComponent(key)), {subdomains: spec.subdomains, maxNativeZoom: spec.max_zoom, maxZoom: 22, pane: 'eco-base', crossOrigin: spec.cors ? '' : null});
      (state.tiles = state.tiles || []).push(tiles);
      tiles.addTo(state.map);
    });
  };
  if (spec.layers.some(url => url.includes('{key}'))) keyOf(spec, put); else put('');
}

/* ------------------------------------------------------------------------------------------------ popups and search */
const grouped = digits => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');

// whole numbers come in the last digit to be printed, so no rounding happens here
function fixed(value, decimals) {
  if (value == null) return '—';
  const digits = String(Math.abs(value)).padStart(decimals + 1, '0'), cut = digits.length - decimals;
  return (value < 0 ? '-' : '') + grouped(digits.slice(0, cut)) + (decimals ? '.' + digits.slice(cut) : '');
}

async function attributes(sheet) {
  if (!sheet.table) sheet.table = unpack(sheet.spec.table).then(bytes => JSON.parse(new TextDecoder().decode(bytes)));
  return sheet.table;
}

function cell(field, f) {
  if (field.area) return `${fixed(field.mu[f], 2)} ${word('mu')} / ${fixed(field.ha[f], 4)} ${word('ha')}`;
  const value = field.pick ? field.values[field.pick[f]] : field.values[f];
  return text(value);
}

function card(sheet, table, f) {
  const style = sheet.spec.classes[sheet.geometry.code[f]], rows = [];
  for (const field of table.fields) {
    const shown = field.area && field.mu[f] == null ? '' : cell(field, f);
    if (shown) rows.push(el('tr', {}, el('th', {}, text(field.label)), el('td', {class: field.strong ? 'eco-strong' : null}, shown)));
  }
  const kind = text(style.label) === text(sheet.spec.label) ? '' : ' · ' + text(style.label);
  return el('section', {class: 'eco-card'}, el('h4', {}, swatch(style), ' ' + text(sheet.spec.label) + kind), el('table', {}, el('tbody', {}, rows)));
}

const LISTED = 6;

async function show(place, picked) {
  const body = el('div', {class: 'eco-cards'});
  for (const {sheet, f} of picked.slice(0, LISTED)) body.append(card(sheet, await attributes(sheet), f));
  if (picked.length > LISTED) body.append(el('p', {}, `${word('more')} ${picked.length - LISTED}`));
  for (const sheet of state.order) {
    if (sheet.spec.picture?.overview && state.map.hasLayer(sheet) && !picked.some(p => p.sheet === sheet)) {
      const m = project(place), [x0, y0, x1, y1] = sheet.spec.picture.bounds;
      if (m.x > x0 && m.x < x1 && m.y > y0 && m.y < y1 && !picked.length) body.append(el('p', {}, text(sheet.spec.label) + '：' + word('overview_here')));
    }
  }
  if (!body.childNodes.length) return null;
  state.chosen = picked.length ? picked[0] : null;
  // the popup keeps clear of the furniture, as far as the window is large enough
  const size = state.map.getSize(), top = slots.search.offsetTop + slots.search.offsetHeight + 16;
  const right = size.x > 700 ? slots.panel.offsetWidth + slots.north.offsetWidth + 30 : 12;
  const popup = L.popup({
    maxWidth: Math.min(420, size.x - 40), minWidth: Math.min(260, size.x - 60), maxHeight: Math.max(110, Math.min(420, size.y - top - 90)),
    autoPanPaddingTopLeft: [54, size.y > 400 ? top : 12], autoPanPaddingBottomRight: [right, 50],
  });
  popup.setLatLng(place).setContent(body).openOn(state.map);
  popup.on('remove', () => { state.chosen = null; names(); });
  names();
  return popup;
}

function hitsAt(place) {
  const m = project(place), reach = 8 * 2 * WORLD / (256 * 2 ** state.map.getZoom()), found = [];
  for (const sheet of [...state.order].reverse()) {
    if (!sheet.geometry || !state.map.hasLayer(sheet) || sheet.spec.mute) continue;
    if (sheet.spec.side && state.swipe != null && (state.map.latLngToContainerPoint(place).x < state.swipe) !== (sheet.spec.side === 'before')) continue;
    for (const f of sheet.hits(m.x, m.y, reach)) found.push({sheet, f});
  }
  return found;
}

function names() { if (state.names) state.names._update(); }

async function find(asked) {
  const wanted = asked.trim().toLowerCase(), found = [];
  if (!wanted) return found;
  for (const sheet of [...state.order].reverse()) {
    if (!sheet.geometry || !sheet.spec.table) continue;
    const table = await attributes(sheet);
    for (let f = 0; f < sheet.geometry.n && found.length < 40; f++) {
      const id = text(table.id[f]), name = text(table.name[f]);
      if (id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted)) found.push({sheet, f, id, name});
    }
  }
  return found;
}

function goTo(pick) {
  const {sheet, f} = pick;
  if (!state.map.hasLayer(sheet)) toggle(sheet, true);
  const box = sheet.bounds(f);
  state.map.fitBounds(box.pad(.6), {maxZoom: 17, animate: false});
  const anchor = sheet.spec.anchors?.[f], u = sheet.spec.unit;
  return show(anchor ? unproject(anchor[0] * u, anchor[1] * u) : box.getCenter(), [pick]);
}

/* ------------------------------------------------------------------------------------------------ measuring by hand */
// Karney's form of the spherical excess on the authalic sphere: good to some 1e-6 of a planner's parcel
function groundArea(ring) {
  const e = Math.sqrt(F * (2 - F)), q = s => (1 - e * e) * (s / (1 - e * e * s * s) + Math.atanh(e * s) / e), pole = q(1);
  const radius = A * Math.sqrt(pole / 2), rad = Math.PI / 180;
  const half = ring.map(p => Math.tan(Math.asin(q(Math.sin(p.lat * rad)) / pole) / 2));
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const d = Math.tan((ring[i].lng - ring[j].lng) * rad / 2);
    sum += 2 * Math.atan2(d * (half[i] + half[j]), 1 + half[i] * half[j]);
  }
  return Math.abs(sum) * radius * radius;
}

// Vincenty's inverse: to a millimetre, and it converges everywhere in one country
function groundLength(line) {
  const rad = Math.PI / 180, b = A * (1 - F);
  let total = 0;
  for (let i = 1; i < line.length; i++) {
    const p = line[i - 1], q = line[i], l = (q.lng - p.lng) * rad;
    const u1 = Math.atan((1 - F) * Math.tan(p.lat * rad)), u2 = Math.atan((1 - F) * Math.tan(q.lat * rad));
    const s1 = Math.sin(u1), c1 = Math.cos(u1), s2 = Math.sin(u2), c2 = Math.cos(u2);
    let lambda = l, before = NaN, sin = 0, cos = 1, sigma = 0, cosA2 = 1, mid = 0;
    for (let turn = 0; turn < 50 && !(Math.abs(lambda - before) < 1e-13); turn++) {
      sin = Math.hypot(c2 * Math.sin(lambda), c1 * s2 - s1 * c2 * Math.cos(lambda));
      if (sin === 0) break;
      cos = s1 * s2 + c1 * c2 * Math.cos(lambda);
      sigma = Math.atan2(sin, cos);
      const sinA = c1 * c2 * Math.sin(lambda) / sin;
      cosA2 = 1 - sinA * sinA;
      mid = cosA2 ? cos - 2 * s1 * s2 / cosA2 : 0;
      const c = F / 16 * cosA2 * (4 + F * (4 - 3 * cosA2));
      before = lambda;
      lambda = l + (1 - c) * F * sinA * (sigma + c * sin * (mid + c * cos * (2 * mid * mid - 1)));
    }
    if (sin === 0) continue;
    const u = cosA2 * (A * A - b * b) / (b * b), big = 1 + u / 16384 * (4096 + u * (u * (320 - 175 * u) - 768)), small = u / 1024 * (256 + u * (u * (74 - 47 * u) - 128));
    total += b * big * (sigma - small * sin * (mid + small / 4 * (cos * (2 * mid * mid - 1) - small / 6 * mid * (4 * sin * sin - 3) * (4 * mid * mid - 3))));
  }
  return total;
}

const decimals = (value, digits) => { const [whole, rest] = value.toFixed(digits).split('.'); return grouped(whole) + (rest ? '.' + rest : ''); };

function measured(points) {
  const length = groundLength(points), area = points.length > 2 ? groundArea(points) : 0;
  return {length, area, ring: groundLength([...points, points[0]])};
}

function toggleSketch(button) {
  const map = state.map;
  if (state.drawing) { state.drawing.stop(); return; }
  const points = [], shape = L.polygon([], {color: '#0033CC', weight: 2, dashArray: '4 4', fillOpacity: .1, interactive: false, pane: 'eco-sketch', renderer: L.svg({pane: 'eco-sketch'})}).addTo(map);
  const name = el('input', {type: 'text', placeholder: word('site_name'), 'aria-label': word('site_name')});
  const read = el('p', {class: 'eco-measured'}, word('sketch_hint'));
  const box = el('div', {class: 'eco-box eco-sketch eco-noprint'}, el('b', {}, word('sketch')), read, name,
    el('div', {},
      el('button', {on: {click() { points.pop(); refresh(); }}}, word('undo')), ' ',
      el('button', {on: {click() { points.length = 0; refresh(); }}}, word('clear')), ' ',
      el('button', {class: 'eco-download', on: {click() { if (points.length > 2) save('site.geojson', 'application/geo+json', JSON.stringify(geojson())); }}}, word('download')), ' ',
      el('button', {on: {click: () => state.drawing.stop()}}, word('close'))),
    el('small', {}, word('measure_note')));
  function geojson() {
    const round = value => Math.round(value * 1e8) / 1e8, ring = points.map(p => [round(p.lng), round(p.lat)]);
    // RFC 7946 wants outer rings counterclockwise
    const turn = ring.reduce((sum, p, i) => { const q = ring[(i + 1) % ring.length]; return sum + (q[0] - p[0]) * (q[1] + p[1]); }, 0);
    if (turn > 0) ring.reverse();
    return {type: 'FeatureCollection', name: 'sites', features: [{type: 'Feature', properties: {site_id: 'SKETCH-1', name: name.value || word('sketch'), activity: null}, geometry: {type: 'Polygon', coordinates: [[...ring, ring[0]]]}}]};
  }
  function refresh() {
    shape.setLatLngs(points);
    const {length, area, ring} = measured(points);
    read.textContent = points.length < 2 ? word('sketch_hint') : points.length < 3 ? `${word('length')} ${decimals(length, 1)} m`
      : `${word('area')} ${decimals(area * .0015, 2)} ${word('mu')} / ${decimals(area / 1e4, 4)} ${word('ha')}；${word('ring')} ${decimals(ring, 1)} m；${word('length')} ${decimals(length, 1)} m`;
    state.drawing.result = {length, area, points: points.map(p => [p.lng, p.lat])};
  }
  const click = event => { points.push(event.latlng); refresh(); };
  state.drawing = {geojson, result: null, stop() {
    map.off('click', click);
    map.getContainer().classList.remove('eco-sketching');
    map.doubleClickZoom.enable();
    shape.remove();
    box.remove();
    state.drawing = null;
    button.classList.remove('eco-on');
  }};
  map.on('click', click);
  map.doubleClickZoom.disable();
  map.closePopup();
  map.getContainer().classList.add('eco-sketching');
  button.classList.add('eco-on');
  slot('bl').prepend(box);
}

function save(name, type, data) {
  const link = el('a', {download: name, href: URL.createObjectURL(data instanceof Blob ? data : new Blob([data], {type}))});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* ------------------------------------------------------------------------------------------------ furniture */
const slots = {};

function slot(name) {
  if (!slots[name]) {
    slots[name] = el('div', {class: 'eco-slot eco-' + name});
    state.map.getContainer().append(slots[name]);
    L.DomEvent.disableClickPropagation(slots[name]);
    L.DomEvent.disableScrollPropagation(slots[name]);
  }
  return slots[name];
}

function swatch(style) {
  const canvas = el('canvas', {class: 'eco-swatch', width: 52, height: 32, 'data-edge': style.edge, 'data-fill': style.fill}), pen = canvas.getContext('2d');
  pen.beginPath();
  if (style.shape === 'line') { pen.moveTo(2, 16); pen.lineTo(50, 16); } else if (style.shape === 'point') pen.arc(26, 16, 12, 0, 7); else pen.rect(3, 3, 46, 26);
  paint(pen, ink(pen, style, 2, 1), style.shape !== 'line');
  return canvas;
}

function toggle(sheet, on) {
  if (on) state.map.addLayer(sheet); else state.map.removeLayer(sheet);
  names();
  panel();
}

function panel() {
  const box = slots.panel, open = !box.classList.contains('eco-closed');
  const list = el('div', {class: 'eco-lg'});
  const groups = new Map();
  for (const sheet of [...state.order].reverse()) {
    if (sheet.spec.unlisted) continue;
    const key = sheet.spec.group;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(sheet);
  }
  for (const [group, sheets] of groups) {
    const on = sheets.filter(sheet => state.map.hasLayer(sheet)).length;
    const all = el('input', {type: 'checkbox', class: 'eco-noprint', 'aria-label': word('group_' + group), on: {change() { for (const sheet of sheets) toggle(sheet, this.checked); }}});
    all.checked = on === sheets.length;
    all.indeterminate = on > 0 && on < sheets.length;
    if (sheets.length > 1) list.append(el('div', {class: 'eco-group'}, el('label', {}, all, word('group_' + group))));
    for (const sheet of sheets) {
      const box = el('input', {type: 'checkbox', class: 'eco-noprint', 'data-layer': sheet.id, on: {change() { toggle(sheet, this.checked); }}});
      box.checked = state.map.hasLayer(sheet);
      // verdicts are explained once: the outlines of sites have the colours of what was found
      const listed = sheet.spec.rest ? state.order.filter(other => other !== sheet).flatMap(other => other.spec.classes.map(style => style.edge + text(style.label))) : [];
      const classes = sheet.spec.classes.filter(style => !listed.includes(style.edge + text(style.label))), single = sheet.spec.classes.length === 1;
      const row = el('label', {class: 'eco-layer' + (box.checked ? '' : ' eco-off')}, box, single ? swatch(sheet.spec.classes[0]) : null, el('span', {}, text(sheet.spec.legend || sheet.spec.label)), el('small', {}, sheet.spec.count));
      list.append(row);
      if (!single) for (const style of classes) list.append(el('div', {class: 'eco-class' + (box.checked ? '' : ' eco-off')}, swatch(style), el('span', {}, text(style.label)), el('small', {}, style.count)));
    }
  }
  for (const note of state.meta.legend_notes || []) list.append(el('p', {class: 'eco-note'}, text(note)));
  box.replaceChildren(
    el('button', {class: 'eco-fold eco-noprint', 'aria-expanded': String(open), title: word('legend'), on: {click() { box.classList.toggle('eco-closed'); panel(); }}}, open ? '−' : '☰'),
    el('b', {}, word('legend')), list);
}

function scaleBar() {
  const map = state.map, size = map.getSize(), y = size.y - 20, middle = size.x / 2;
  const metres = groundLength([map.containerPointToLatLng([middle - 50, y]), map.containerPointToLatLng([middle + 50, y])]);
  const power = 10 ** Math.floor(Math.log10(metres)), nice = [5, 2, 1].map(n => n * power).find(n => n <= metres * 1.3) || power;
  slots.scale.firstChild.style.width = 100 * nice / metres + 'px';
  slots.scale.lastChild.textContent = nice >= 1000 ? nice / 1000 + ' km' : nice + ' m';
}

function fullscreen() {
  if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen();
}

function home() { state.map.fitBounds(state.meta.bounds, {padding: [24, 24], animate: false}); }

function furnish() {
  const meta = state.meta, map = state.map;
  document.documentElement.lang = state.language === 'zh' ? 'zh-CN' : 'en';
  document.title = text(meta.title) || 'ecozones';
  slots.title.replaceChildren(el('h1', {}, text(meta.title)), ...[meta.subtitle, meta.conclusion].filter(said => text(said)).map(said => el('p', {}, text(said))));
  slots.title.hidden = !text(meta.title);
  const tools = [
    ['home', '⌂', home], ['fullscreen', '□', fullscreen], ['sketch', '✎', function () { toggleSketch(this); }],
    ['png', 'PNG', exportPng], ['print', word('print_short'), () => window.print()],
    ['switch', state.language === 'zh' ? 'EN' : '中', () => setLanguage(state.language === 'zh' ? 'en' : 'zh')],
  ];
  slots.tools.replaceChildren(...tools.map(([key, sign, run]) => el('button', {title: word(key), 'aria-label': word(key), 'data-tool': key, on: {click: run}}, sign)));
  slots.search.firstChild.placeholder = word('search');
  slots.search.firstChild.setAttribute('aria-label', word('search'));
  slots.north.lastChild.textContent = word('north');
  slots.foot.replaceChildren(el('span', {}, (meta.foot || []).map(text).join(' · ')), el('span', {class: 'eco-noprint eco-at'}));
  panel();
  if (meta.years) yearSlider();
  map.closePopup();
}

function setLanguage(language) {
  state.language = language;
  furnish();
  names();
}

function build() {
  const map = state.map;
  const zoom = map.zoomControl;
  slots.tools = el('div', {class: 'eco-box eco-tools eco-noprint'});
  slots.title = el('div', {class: 'eco-box eco-title'});
  const input = el('input', {type: 'search'}), results = el('ul', {class: 'eco-box', hidden: ''});
  slots.search = el('div', {class: 'eco-search eco-noprint'}, input, results);
  let turn = 0;
  const ask = async () => {
    const mine = ++turn, found = await find(input.value);
    if (mine !== turn) return;
    results.hidden = !input.value.trim();
    results.replaceChildren(...(found.length ? found.map(pick => el('li', {on: {click() { results.hidden = true; goTo(pick); }}}, `${pick.name} ${pick.id}`.trim(), el('small', {}, text(pick.sheet.spec.label)))) : [el('li', {}, word('nothing'))]));
  };
  input.addEventListener('input', event => { if (!event.isComposing) ask(); });
  input.addEventListener('compositionend', ask);
  const left = slot('tl'), column = el('div', {class: 'eco-column'});
  if (zoom) { zoom.getContainer().classList.add('eco-noprint'); column.append(zoom.getContainer()); }
  column.append(slots.tools);
  left.append(column, el('div', {class: 'eco-column'}, slots.title, slots.search));
  slots.north = el('div', {class: 'eco-box eco-north'}, arrow(), el('b', {}));
  slots.panel = el('div', {class: 'eco-box eco-panel'});
  slot('tr').append(slots.north, slots.panel);
  slots.scale = el('div', {class: 'eco-scale'}, el('i', {}), el('span', {}));
  slot('bl').append(slots.scale);
  if (state.meta.inset) inset();
  slots.foot = el('div', {class: 'eco-foot'});
  slot('br').append(slots.foot);
  if (map.getSize().y < 480 || map.getSize().x < 640) slots.panel.classList.add('eco-closed');
  if (map.attributionControl) map.attributionControl.setPrefix(false);
  map.on('moveend zoomend resize', scaleBar);
  const tip = L.tooltip({className: 'eco-tip', direction: 'top', offset: [0, -6]});
  let waiting = 0;
  map.on('mousemove', event => {
    const at = slots.foot.querySelector('.eco-at');
    if (at) at.textContent = ` · ${event.latlng.lng.toFixed(6)}, ${event.latlng.lat.toFixed(6)} ${state.meta.datum}`;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => hover(event.latlng, tip));
  });
  map.on('mouseout', () => tip.remove());
  map.on('click', event => { if (!state.drawing) { const found = hitsAt(event.latlng); tip.remove(); show(event.latlng, found); } });
  const print = matchMedia('print');
  print.addEventListener('change', event => paper(event.matches));
  window.addEventListener('beforeprint', () => paper(true));
  window.addEventListener('afterprint', () => paper(false));
}

async function hover(place, tip) {
  const top = state.drawing ? null : hitsAt(place)[0];
  if (!top) { tip.remove(); return; }
  const table = await attributes(top.sheet), {sheet, f} = top;
  const label = [sheet.spec.names?.[f] || text(table.name[f]) || text(table.id[f]), text(sheet.spec.label)].filter(Boolean).join(' · ');
  tip.setLatLng(place).setContent(document.createTextNode(label.length > 60 ? label.slice(0, 59) + '…' : label).textContent.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`));
  if (!state.map.hasLayer(tip)) tip.addTo(state.map);
}

function arrow() {
  const canvas = el('canvas', {width: 44, height: 60}), pen = canvas.getContext('2d');
  pen.beginPath();
  pen.moveTo(22, 2); pen.lineTo(40, 56); pen.lineTo(22, 44); pen.lineTo(4, 56); pen.closePath();
  pen.fillStyle = '#fff'; pen.fill(); pen.lineWidth = 2; pen.stroke();
  pen.beginPath(); pen.moveTo(22, 2); pen.lineTo(22, 44); pen.lineTo(4, 56); pen.closePath(); pen.fillStyle = '#111'; pen.fill();
  return canvas;
}

/* paper: the map takes the printable sheet, with the same ground in it */

function paper(on) {
  const map = state.map, node = map.getContainer();
  if (on === Boolean(screen)) return;
  if (on) screen = {bounds: map.getBounds(), snap: map.options.zoomSnap, center: map.getCenter(), zoom: map.getZoom()};
  node.classList.toggle('eco-paper', on);
  map.closePopup();
  map.options.zoomSnap = on ? 0 : screen.snap;
  panel();
  map.invalidateSize({animate: false});
  if (on) {
    map.fitBounds(screen.bounds, {animate: false});
    // a canvas that is cleared while the page is printed erases all that lies under it: paper gets one picture instead
    const sheet = compose(PAPER);
    sheet.classList.add('eco-printed');
    node.append(sheet);
  } else {
    node.querySelector('.eco-printed')?.remove();
    map.setView(screen.center, screen.zoom, {reset: true});
  }
  if (!on) screen = null;
}

/* ------------------------------------------------------------------------------------------------ picture */
function compose(scale) {
  const map = state.map, frame = map.getContainer().getBoundingClientRect(), canvas = el('canvas', {width: Math.round(frame.width * scale), height: Math.round(frame.height * scale)}), pen = canvas.getContext('2d');
  pen.fillStyle = getComputedStyle(map.getContainer()).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (const tile of map.getContainer().querySelectorAll('.leaflet-tile-loaded')) {
    const r = tile.getBoundingClientRect();
    if (tile.crossOrigin != null) pen.drawImage(tile, (r.left - frame.left) * scale, (r.top - frame.top) * scale, r.width * scale, r.height * scale);
  }
  const origin = map.getPixelBounds().min;
  for (const sheet of state.order) {
    if (!map.hasLayer(sheet)) continue;
    pen.save();
    if (sheet.spec.side && state.swipe != null) {
      pen.beginPath();
      if (sheet.spec.side === 'before') pen.rect(0, 0, state.swipe * scale, canvas.height); else pen.rect(state.swipe * scale, 0, canvas.width, canvas.height);
      pen.clip();
    }
    sheet.draw(pen, origin, map.getZoom(), scale, canvas.width, canvas.height);
    pen.restore();
  }
  const over = el('canvas', {width: canvas.width, height: canvas.height});
  state.names.draw(over.getContext('2d'), origin, map.getZoom(), scale, canvas.width, canvas.height);
  pen.drawImage(over, 0, 0);
  return canvas;
}

function picture(scale) {
  const map = state.map, canvas = compose(scale), pen = canvas.getContext('2d'), frame = map.getContainer().getBoundingClientRect();
  map.getContainer().classList.add('eco-picture');
  for (const root of map.getContainer().querySelectorAll('.eco-slot, .eco-side')) copyBox(pen, root, frame, scale);
  map.getContainer().classList.remove('eco-picture');
  return canvas;
}

// boxes, letters and small canvases of the furniture, where the screen has them
function copyBox(pen, node, frame, scale) {
  if (node.nodeType === 3) {
    const range = document.createRange(), style = getComputedStyle(node.parentElement);
    pen.font = `${style.fontWeight} ${parseFloat(style.fontSize) * scale}px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.textAlign = 'left';
    pen.textBaseline = 'alphabetic';
    let line = '', at = null;
    const flush = () => { if (at && line.trim()) { const m = pen.measureText('国'); pen.fillText(line, (at.left - frame.left) * scale, (at.top - frame.top) * scale + ((at.height * scale) - (m.fontBoundingBoxAscent + m.fontBoundingBoxDescent)) / 2 + m.fontBoundingBoxAscent); } };
    const letters = Array.from(node.textContent);
    let offset = 0;
    for (const letter of letters) {
      range.setStart(node, offset);
      range.setEnd(node, offset += letter.length);
      const r = range.getBoundingClientRect();
      if (at && Math.abs(r.top - at.top) > 2) { flush(); line = ''; at = null; }
      if (!at) at = r;
      line += letter;
    }
    flush();
    return;
  }
  if (node.nodeType !== 1 || node.hidden || node.classList.contains('eco-noprint')) return;
  const style = getComputedStyle(node);
  if (style.display === 'none') return;
  const r = node.getBoundingClientRect(), x = (r.left - frame.left) * scale, y = (r.top - frame.top) * scale;
  if (style.backgroundColor !== 'rgba(0, 0, 0, 0)') { pen.fillStyle = style.backgroundColor; pen.fillRect(x, y, r.width * scale, r.height * scale); }
  for (const [side, x0, y0, x1, y1] of [['Top', 0, 0, 1, 0], ['Bottom', 0, 1, 1, 1], ['Left', 0, 0, 0, 1], ['Right', 1, 0, 1, 1]]) {
    const wide = parseFloat(style[`border${side}Width`]) * scale;
    if (!wide) continue;
    pen.strokeStyle = style[`border${side}Color`];
    pen.lineWidth = wide;
    pen.setLineDash([]);
    pen.beginPath();
    const half = wide / 2, cx = t => x + (t ? r.width * scale - half : half), cy = t => y + (t ? r.height * scale - half : half);
    pen.moveTo(cx(x0), cy(y0));
    pen.lineTo(cx(x1), cy(y1));
    pen.stroke();
  }
  if (node.tagName === 'CANVAS') { pen.drawImage(node, x, y, r.width * scale, r.height * scale); return; }
  const cut = style.overflowY !== 'visible';
  if (cut) {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, r.width * scale, r.height * scale);
    pen.clip();
  }
  for (const child of node.childNodes) copyBox(pen, child, frame, scale);
  if (cut) pen.restore();
}

async function exportPng() {
  const canvas = picture(Math.max(2, window.devicePixelRatio || 1));
  const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
  save((text(state.meta.title) || 'map').replace(/[\\/:*?"<>|]/g, '_').slice(0, 80) + '.png', 'image/png', blob);
}

/* ------------------------------------------------------------------------------------------------ inset, swipe, years */
function inset() {
  const side = 120, canvas = el('canvas', {width: 2 * side, height: 2 * side, class: 'eco-inset-map'});
  const box = el('div', {class: 'eco-box eco-inset'}, canvas);
  slot('bl').prepend(box);
  const [x0, y0, x1, y1] = state.meta.inset.bounds, k = 2 * (side - 8) / Math.max(x1 - x0, y1 - y0), px = x => side + (x - (x0 + x1) / 2) * k, py = y => side - (y - (y0 + y1) / 2) * k;
  const redraw = () => {
    const pen = canvas.getContext('2d'), view = state.map.getBounds();
    pen.clearRect(0, 0, 2 * side, 2 * side);
    pen.beginPath();
    for (const ring of state.meta.inset.rings) ring.forEach(([x, y], i) => { if (i) pen.lineTo(px(x), py(y)); else pen.moveTo(px(x), py(y)); });
    pen.fillStyle = '#eee'; pen.strokeStyle = '#555'; pen.lineWidth = 2; pen.fill('evenodd'); pen.stroke();
    const a = project(view.getSouthWest()), b = project(view.getNorthEast());
    const left = Math.max(2, px(a.x)), top = Math.max(2, py(b.y)), right = Math.min(2 * side - 2, px(b.x)), bottom = Math.min(2 * side - 2, py(a.y));
    pen.strokeStyle = '#E60000'; pen.lineWidth = 4; pen.strokeRect(left, top, Math.max(6, right - left), Math.max(6, bottom - top));
  };
  state.map.on('moveend', redraw);
  redraw();
}

function swipe() {
  const map = state.map, bar = el('div', {class: 'eco-swipe eco-noprint', role: 'slider', tabindex: 0}, el('span', {}, '⇔'));
  const label = side => el('div', {class: `eco-box eco-side eco-side-${side}`}, text(state.meta.sides[side]));
  const sides = {before: label('before'), after: label('after')};
  map.getContainer().append(bar, sides.before, sides.after);
  L.DomEvent.disableClickPropagation(bar);
  state.swipe = map.getSize().x / 2;
  const clip = () => {
    const size = map.getSize(), nw = map.containerPointToLayerPoint([0, 0]), se = map.containerPointToLayerPoint(size), x = nw.x + state.swipe;
    bar.style.left = state.swipe + 'px';
    sides.before.style.right = size.x - state.swipe + 26 + 'px';
    sides.after.style.left = state.swipe + 26 + 'px';
    for (const sheet of state.order) {
      if (!sheet.spec.side) continue;
      const edges = sheet.spec.side === 'before' ? [nw.y, x, se.y, nw.x] : [nw.y, se.x, se.y, x];
      map.getPane('eco-' + sheet.id).style.clip = `rect(${edges.map(v => v + 'px').join(',')})`;
    }
  };
  const move = event => { state.swipe = Math.max(0, Math.min(map.getSize().x, event.clientX - map.getContainer().getBoundingClientRect().left)); clip(); };
  bar.addEventListener('pointerdown', event => { bar.setPointerCapture(event.pointerId); map.dragging.disable(); bar.addEventListener('pointermove', move); });
  bar.addEventListener('pointerup', () => { bar.removeEventListener('pointermove', move); map.dragging.enable(); });
  bar.addEventListener('keydown', event => { const step = {ArrowLeft: -20, ArrowRight: 20}[event.key]; if (step) { state.swipe = Math.max(0, Math.min(map.getSize().x, state.swipe + step)); clip(); event.preventDefault(); event.stopPropagation(); } });
  map.on('resize', event => { state.swipe *= event.newSize.x / event.oldSize.x; });
  map.on('move zoomend resize', clip);
  clip();
}

function yearSlider() {
  const {from, to} = state.meta.years;
  if (state.year == null) state.year = to;
  const shown = el('b', {class: 'eco-year'}), only = el('input', {type: 'checkbox'});
  const range = el('input', {type: 'range', min: from, max: to, step: 1, 'aria-label': word('year')});
  const apply = () => {
    state.year = Number(range.value);
    state.onlyYear = only.checked;
    for (const sheet of state.order) if (sheet.spec.years && state.map.hasLayer(sheet)) sheet._update();
    const count = state.order.filter(sheet => sheet.spec.years).reduce((sum, sheet) => sum + sheet.drawn, 0);
    shown.textContent = `${state.year} · ${count} ${word('items')}`;
    names();
  };
  range.value = state.year;
  only.checked = Boolean(state.onlyYear);
  range.addEventListener('input', apply);
  only.addEventListener('change', apply);
  const box = el('div', {class: 'eco-box eco-years'}, shown, range, el('label', {class: 'eco-noprint'}, only, word('only_year')));
  slots.years?.remove();
  slots.years = box;
  slot('bl').prepend(box);
  apply();
}

/* ------------------------------------------------------------------------------------------------ start */
async function start(map, foreign) {
  const spec = JSON.parse(document.getElementById('ecozones-data').textContent);
  Object.assign(words, spec.words);
  state.map = map;
  state.meta = spec.meta;
  state.language = spec.meta.language;
  map.createPane('eco-base').style.zIndex = 210;
  if (spec.meta.bounds) map.fitBounds(spec.meta.bounds, {padding: [24, 24], animate: false});
  const ready = spec.layers.map(async layer => {
    const [bytes, image] = await Promise.all([layer.geometry ? unpack(layer.geometry) : null, layer.picture ? load(layer.picture.image) : null]);
    return [layer, bytes ? decode(bytes, layer) : null, image];
  });
  build();
  for (const base of spec.tiles) addTiles(base);
  for (const [layer, geometry, image] of await Promise.all(ready)) {
    map.createPane('eco-' + layer.id).style.zIndex = 400 + state.order.length;
    map.getPane('eco-' + layer.id).style.pointerEvents = 'none';
    const sheet = new Sheet(layer, geometry, image);
    state.layers[layer.id] = sheet;
    state.order.push(sheet);
    if (!layer.off) map.addLayer(sheet);
  }
  for (const [name, zIndex] of [['eco-sketch', 640], ['eco-names', 645]]) {
    map.createPane(name).style.zIndex = zIndex;
    map.getPane(name).style.pointerEvents = 'none';
  }
  foreign.forEach((layer, i) => {
    const id = 'other-' + i;
    layer.id = id;
    layer.spec = {id, group: 'other', label: spec.meta.foreign[i], classes: [], count: '', names: null};
    state.layers[id] = layer;
    state.order.push(layer);
    layer.draw = layer.draw || (() => {});
  });
  state.names = new Names();
  map.addLayer(state.names);
  if (spec.meta.sides) swipe();
  furnish();
  scaleBar();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.__ready = true; }));
}

async function load(id) {
  const node = document.getElementById(id), image = new Image();
  image.src = 'data:image/png;base64,' + node.textContent.trim();
  node.remove();
  await image.decode();
  return image;
}

window.ecozones = {
  start, find, goTo, show, hitsAt, picture, setLanguage, groundArea, groundLength, toGcj, attributes, cell, state,
  get map() { return state.map; }, get layers() { return state.layers; }, get meta() { return state.meta; },
};
})();

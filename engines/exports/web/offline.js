// Keeps the page and the model, so that it opens without a network from the second time on (over https, or on localhost).
"use strict";
const MINE = `headstart ${self.registration.scope} `, KEPT = `${MINE}VERSION`;
const FILES = ["./", "index.html", "page.css", "page.js", "pixels.js", "model.js", "about.json", "model.json", "model.onnx", "ort.mjs.js", "ort.wasm"];

self.addEventListener("install", (event) => event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES)).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(
  caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT && name.startsWith(MINE)).map((name) => caches.delete(name))))
    .then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(caches.open(KEPT).then((kept) => kept.match(event.request, { ignoreSearch: true })).then((known) => known ?? fetch(event.request)));
});

/* leadgate form: puts a hosted form into a page (data-target), or attaches to a form that is there (data-attach).
   Nothing is kept in the browser, nothing is loaded from anybody else; of keys only their number is sent. */
(function () {
  "use strict";
  var me = document.currentScript;
  if (!me || !window.fetch || !window.AbortController) return; // the plain form works without it
  var at = new URL(me.src);
  var base = at.origin + at.pathname.replace(/\.js$/, "");
  var asked = new URLSearchParams();
  var source = me.dataset.source || at.searchParams.get("source");
  if (source) asked.set("source", source);
  if (me.dataset.test || at.searchParams.get("test")) asked.set("test", "1");
  var address = base + (String(asked) && "?" + asked);
  var hosted = false;

  function json(body) {
    var stop = new AbortController();
    var timer = setTimeout(function () { stop.abort(); }, 60000);
    var headers = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    return fetch(address, {
      method: body ? "POST" : "GET", headers: headers, body: body && JSON.stringify(body),
      credentials: "omit", cache: "no-store", signal: stop.signal,
    }).then(function (answer) {
      return answer.json().then(function (said) { said.status = answer.status; return said; });
    }).finally(function () { clearTimeout(timer); });
  }

  /* how it was filled in: numbers only */
  function watch(root) {
    var count = { keys: 0, pastes: 0, fills: 0 }, gaps = [], last = 0;
    root.addEventListener("keydown", function (event) {
      var gap = event.timeStamp - last;
      if (last && gap < 2000 && gaps.length < 1000) gaps.push(gap);
      last = event.timeStamp;
      count.keys += 1;
    }, true);
    root.addEventListener("paste", function () { count.pastes += 1; }, true);
    root.addEventListener("input", function (event) {
      var typed = event.inputType && event.inputType !== "insertReplacementText";
      if (!typed && /^(text|email|tel|textarea)$/.test(event.target.type)) count.fills += 1;
    }, true);
    return function () {
      var mean = gaps.reduce(function (sum, gap) { return sum + gap; }, 0) / (gaps.length || 1);
      var square = gaps.reduce(function (sum, gap) { return sum + (gap - mean) * (gap - mean); }, 0);
      return {
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "",
        language: navigator.language || "",
        languages: (navigator.languages || []).join(","),
        screen: screen.width + "x" + screen.height,
        viewport: window.innerWidth + "x" + window.innerHeight,
        platform: navigator.platform || "",
        pixel_ratio: window.devicePixelRatio || 1,
        touch_points: navigator.maxTouchPoints || 0,
        webdriver: navigator.webdriver === true,
        keys: count.keys, pastes: count.pastes, fills: count.fills,
        gap_ms: Math.round(mean), gap_spread_ms: Math.round(Math.sqrt(square / (gaps.length || 1))),
        seconds: Math.round(performance.now() / 100) / 10,
      };
    };
  }

  function valuesOf(form, more) {
    var values = {};
    new FormData(form).forEach(function (value, name) {
      if (typeof value !== "string") return;
      values[name] = name in values ? [].concat(values[name], value) : value;
    });
    return Object.assign(values, more);
  }

  function told(form, signals, attached, more) {
    return {
      values: valuesOf(form, more), signals: signals(), attached: attached,
      page: location.href.slice(0, 4000), referrer: document.referrer.slice(0, 2000),
    };
  }

  /* the browser's own way: whatever became of ours, the token lets it count once */
  function plainly(form, more) {
    form.dataset.leadgateSent = "yes";
    Object.keys(more).forEach(function (name) {
      var input = form.querySelector('input[type=hidden][name="' + name + '"]');
      if (!input) {
        input = form.appendChild(document.createElement("input"));
        input.type = "hidden";
        input.name = name;
      }
      input.value = more[name];
    });
    HTMLFormElement.prototype.submit.call(form);
  }

  function busy(form, is) {
    form.querySelectorAll("button, input[type=submit]").forEach(function (button) {
      if (is) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    });
  }

  /* who goes away: what was filled in goes with a last word, where the form says so */
  var begun = [];
  function follow(form, signals, more) {
    begun.push({ form: form, signals: signals, more: more, last: JSON.stringify(valuesOf(form, {})) });
  }

  function leave() {
    begun.forEach(function (one) {
      var now = JSON.stringify(valuesOf(one.form, {}));
      if (now === one.last || one.form.dataset.leadgateSent || !one.form.isConnected) return;
      one.last = now;
      var body = JSON.stringify(told(one.form, one.signals, true, one.more()));
      navigator.sendBeacon(base + "/partial" + address.slice(base.length), new Blob([body], { type: "text/plain" }));
    });
  }

  function parsed(html) {
    var holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content.firstElementChild;
  }

  /* `put` brings the new part into the page */
  function show(html, put, count) {
    var fresh = parsed(html);
    var first = fresh.querySelector("[autofocus]");
    if (first) first.removeAttribute("autofocus");
    put(fresh);
    var form = fresh.querySelector("form[data-leadgate]");
    if (form) wire(form, fresh, count);
    if (first) first.focus();
    var heading = fresh.querySelector("h1, h2");
    if (hosted && heading) document.title = (fresh.querySelector(".lg-summary") ? "Error: " : "") + heading.textContent;
    return fresh;
  }

  function thanked(said, from) {
    var event = new CustomEvent("leadgate:sent", { bubbles: true, cancelable: true });
    if (!from.dispatchEvent(event)) return true; // the page thanks by itself
    if (said.url) location.assign(said.url);
    return Boolean(said.url);
  }

  function wire(form, root, count) {
    var signals = count || watch(root.parentNode || root), sending = false;
    form.action = address;
    if (form.hasAttribute("data-leadgate-partial")) follow(form, signals, function () { return {}; });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (sending) return;
      sending = true;
      busy(form, true);
      var button = event.submitter;
      var go = { _go: button && button.name === "_go" ? button.value : "next" };
      json(told(form, signals, false, go)).then(function (said) {
        if (said.outcome === "thanks") form.dataset.leadgateSent = "yes";
        if (said.outcome === "thanks" && thanked(said, form)) return;
        if (!said.html) throw new Error(said.code);
        show(said.html, function (fresh) { root.replaceWith(fresh); }, signals);
      }).catch(function () {
        plainly(form, {
          _go: go._go, _signals: JSON.stringify(signals()), _page: location.href, _referrer: document.referrer,
        });
      });
    });
  }

  /* a form that the page had already */

  function inputOf(form, names) {
    for (var i = 0; i < names.length; i++) {
      var input = form.elements.namedItem(names[i]);
      if (input) return input.length && !input.tagName ? input[0] : input;
    }
    return null;
  }

  function say(form, text) {
    var line = document.createElement("p");
    line.className = "leadgate-error";
    line.setAttribute("role", "alert");
    line.textContent = text;
    form.prepend(line);
  }

  function forget(form) {
    form.querySelectorAll(".leadgate-error").forEach(function (line) {
      form.querySelectorAll('[aria-describedby~="' + line.id + '"]').forEach(function (input) {
        var rest = input.getAttribute("aria-describedby").split(" ").filter(function (id) { return id !== line.id; });
        if (rest.length) input.setAttribute("aria-describedby", rest.join(" "));
        else input.removeAttribute("aria-describedby");
        input.removeAttribute("aria-invalid");
      });
      line.remove();
    });
  }

  function mend(form, errors) {
    var first = null;
    errors.forEach(function (error) {
      var input = inputOf(form, error.names);
      if (!input || input.type === "hidden") return say(form, error.message);
      var line = document.createElement("p");
      line.className = "leadgate-error";
      line.id = "leadgate-error-" + error.field;
      line.textContent = error.message;
      (input.closest("label") || input).after(line);
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", [input.getAttribute("aria-describedby"), line.id].filter(Boolean).join(" "));
      first = first || input;
    });
    if (first) first.focus();
  }

  function attach(form) {
    var signals = watch(form), token = "", added = null, sending = false;
    function add(said) {
      token = said.token;
      if (added) return;
      added = parsed(said.added);
      var trap = added.querySelector("[aria-hidden=true]");
      trap.style.cssText = "position:absolute;left:-9999px;width:1px;height:1px;overflow:hidden";
      var place = form.querySelector("[data-leadgate-consent]");
      var button = form.querySelector("button:not([type=button]):not([type=reset]), input[type=submit]");
      if (place) place.append(added);
      else if (button) button.before(added);
      else form.append(added);
    }
    var ready = json().then(function (said) {
      if (said.status !== 200) throw new Error(said.detail);
      styled();
      add(said);
      if (said.partial) follow(form, signals, function () { return { _token: token }; });
    });
    ready.catch(function (error) { console.warn("leadgate: " + error.message); });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (sending) return;
      sending = true;
      busy(form, true);
      ready.then(function () {
        return json(told(form, signals, true, { _token: token }));
      }).then(function (said) {
        if (!said.outcome) throw new Error(said.detail);
        forget(form);
        if (said.outcome === "thanks") {
          form.dataset.leadgateSent = "yes";
          if (!thanked(said, form)) show(said.html, function (fresh) { form.replaceWith(fresh); });
          return;
        }
        sending = false;
        busy(form, false);
        add(said);
        if (said.notice) say(form, said.notice);
        mend(form, said.errors);
      }).catch(function () { plainly(form, token ? { _token: token } : {}); });
    });
  }

  /* begin */

  function styled() {
    var link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = base + ".css" + (source ? "?source=" + encodeURIComponent(source) : "");
    document.head.append(link);
  }

  function embed(target) {
    json().then(function (said) {
      if (said.status !== 200) throw new Error(said.detail);
      styled();
      show(said.html, function (fresh) { target.replaceChildren(fresh); });
    }).catch(function (error) { // what stood there stays; a browser does not tell a page that it may not ask
      var foreign = error instanceof TypeError ? "; is " + location.origin + " among the form's origins?" : "";
      console.warn("leadgate: " + error.message + foreign);
    });
  }

  function begin() {
    var here = document.querySelectorAll("form[data-leadgate]");
    if (me.dataset.attach) document.querySelectorAll(me.dataset.attach).forEach(attach);
    else if (me.dataset.target) document.querySelectorAll(me.dataset.target).forEach(embed);
    else if (here.length) {
      hosted = true;
      here.forEach(function (form) { wire(form, form.closest("[data-leadgate-root]")); });
    } else {
      var target = document.createElement("div");
      me.after(target);
      embed(target);
    }
  }

  document.addEventListener("visibilitychange", function () { if (document.hidden) leave(); });
  window.addEventListener("pagehide", leave);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();

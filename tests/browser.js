// What the browser tests need inside the page of JupyterLab.
window.zoo = {
  times: new Map(), // when the kernel began with a message that moved a widget
  kernelTime: null,
  places: new WeakMap(), // where a control has stood

  panel() {
    return window.jupyterapp.shell.currentWidget;
  },

  listen() {
    this.panel().sessionContext.session.kernel.anyMessage.connect((_, { msg }) => {
      const parent = msg.parent_header;
      if (msg.header.msg_type !== "status" || parent?.msg_type !== "comm_msg") return;
      const now = Date.parse(msg.header.date) + this.micro(msg.header.date);
      if (msg.content.execution_state === "busy") this.times.set(parent.msg_id, now);
      else if (this.times.has(parent.msg_id)) {
        this.kernelTime = now - this.times.get(parent.msg_id);
      }
    });
  },

  micro(date) { // Date.parse drops what is finer than a millisecond
    const digits = /\.(\d{3})(\d+)/.exec(date);
    return digits ? Number("0." + digits[2]) : 0;
  },

  async foldAway() { // the side bar
    if (!window.jupyterapp.shell.leftCollapsed) {
      await window.jupyterapp.commands.execute("application:toggle-left-area");
    }
  },

  async open(path) {
    const panel = await window.jupyterapp.commands.execute("docmanager:open", { path });
    await Promise.all([panel.revealed, panel.sessionContext.ready]);
    await this.idle();
    await this.loaded(panel.node);
    this.listen();
  },

  close() { // every notebook, without its changes; its kernel ends while the next one opens
    for (const panel of [...window.jupyterapp.shell.widgets("main")].filter((w) => w.context)) {
      window.jupyterapp.serviceManager.sessions.shutdown(panel.sessionContext.session.id);
      panel.context.model.dirty = false;
      panel.dispose();
    }
  },

  async idle() {
    while (this.panel().sessionContext.session.kernel.status !== "idle") await this.later();
  },

  later(ms = 20) {
    return new Promise((done) => setTimeout(done, ms));
  },

  async loaded(node) { // all its pictures, or that they cannot be
    await Promise.allSettled([...node.querySelectorAll("img")].map((i) => i.decode()));
  },

  async runAll(seconds) {
    const late = this.later(seconds * 1000).then(() => "late");
    const run = async () => {
      await window.jupyterapp.commands.execute("notebook:run-all-cells");
      await this.idle();
      while (!this.drawn()) await this.later();
      await this.loaded(this.panel().node);
    };
    return (await Promise.race([run(), late])) !== "late";
  },

  drawn() { // whether each widget of an output is there
    const mime = "application/vnd.jupyter.widget-view+json";
    return this.panel().content.widgets.filter((cell) => cell.model.type === "code").every(
      ({ outputArea: { model, node } }) => !node.textContent.includes("Loading widget...")
        && model.toJSON().filter((o) => o.data?.[mime]).length
          <= node.querySelectorAll(".jp-OutputArea-output > .jupyter-widgets").length);
  },

  troubles() {
    const found = this.broken(this.panel().node).map((source) => `no picture ${source}`);
    this.panel().content.widgets.forEach((cell, k) => {
      if (cell.model.type !== "code") return;
      const where = `cell ${k} (${cell.model.id})`;
      if (cell.model.executionCount === null && cell.model.sharedModel.source.trim()) {
        found.push(`${where} did not run`);
      }
      for (const output of cell.outputArea.model.toJSON()) {
        if (output.output_type === "error") {
          found.push(`${where}: ${output.ename}: ${output.evalue}`);
        }
      }
      found.push(...this.signs(cell.outputArea.node).map((text) => `${where} shows: ${text}`));
    });
    return found;
  },

  signs(node) { // of an error, in what can be read
    const text = node.textContent;
    return ["No picture at", "Error displaying widget", "Loading widget..."]
      .filter((sign) => text.includes(sign)).map(() => text.slice(0, 300));
  },

  broken(node) { // pictures that could not be loaded
    return [...node.querySelectorAll("img")]
      .filter((i) => i.complete && !i.naturalWidth).map((i) => i.getAttribute("src").slice(0, 80));
  },

  controls() {
    const kinds = {
      slider: ".widget-slider .noUi-handle",
      dropdown: ".widget-dropdown select",
      checkbox: ".widget-checkbox input",
    };
    const notebook = this.panel().content.node;
    return Object.entries(kinds).flatMap(([kind, query]) =>
      [...notebook.querySelectorAll(query)]
        .map((node) => ({ kind, node, view: this.viewOf(node) }))
        .filter(({ view, node }) => view && (!node.options || node.options.length > 1)));
  },

  viewOf(node) { // the nearest HTML view beside a control
    for (let box = node; box && !box.matches(".jp-OutputArea"); box = box.parentElement) {
      const view = box.querySelector(".widget-html-content");
      if (view) return view;
    }
    return null;
  },

  number() {
    const all = this.controls();
    all.forEach(({ node }, k) => { node.dataset.zoo = k; });
    return all.length;
  },

  picture(view) {
    const drawn = [...view.querySelectorAll("img, svg[role=img], table")];
    const words = (d) => d.alt || d.getAttribute("aria-label") || d.textContent;
    return { alt: drawn.map(words).join("\n"), html: view.innerHTML };
  },

  next(kind, node) {
    if (kind === "checkbox") return "Space";
    if (kind === "dropdown") return (node.selectedIndex + 1) % node.options.length;
    const end = node.getAttribute("aria-valuenow") === node.getAttribute("aria-valuemax");
    if (end) node.dataset.zooBack = "1";
    if (node.getAttribute("aria-valuenow") === node.getAttribute("aria-valuemin")) {
      delete node.dataset.zooBack;
    }
    return node.dataset.zooBack ? "ArrowLeft" : "ArrowRight";
  },

  walked(kind, node) { // whether it has now stood at all its stops
    const stood = this.places.get(node) ?? new Set();
    const now = node.getAttribute("aria-valuenow") ?? node.selectedIndex ?? node.checked;
    this.places.set(node, stood.add(now));
    if (kind !== "slider") return stood.size === (node.options?.length ?? 2);
    return ["aria-valuemin", "aria-valuemax"].every((end) => stood.has(node.getAttribute(end)));
  },

  watch(k, patience) {
    const { kind, node, view } = this.controls()[k];
    node.scrollIntoView({ block: "center" });
    this.kernelTime = null;
    let start = null;
    let looked = null;
    for (const event of ["keydown", "input", "change"]) {
      node.addEventListener(event, () => { start ??= performance.now(); },
        { capture: true, once: true });
    }
    const before = this.picture(view);
    this.watched = view;
    this.result = new Promise((done) => {
      const watcher = new MutationObserver(async () => {
        if (view.innerHTML === before.html) return;
        watcher.disconnect();
        clearInterval(looked);
        await Promise.all([...view.querySelectorAll("img")].map((i) => i.decode()));
        await new Promise(requestAnimationFrame);
        const screen = performance.now() - start;
        for (let wait = 0; this.kernelTime === null && wait < 60; wait += 5) {
          await new Promise((later) => setTimeout(later, 5)); // the kernel's "idle" comes last
        }
        done({ changed: true, screen, kernel: this.kernelTime });
      });
      watcher.observe(view, { childList: true, subtree: true, characterData: true });
      const until = performance.now() + 60000;
      let answered = null; // a kernel that has answered some time ago draws nothing more
      looked = setInterval(() => {
        if (this.kernelTime !== null) answered ??= performance.now();
        if (performance.now() < Math.min(until, (answered ?? until) + patience)) return;
        watcher.disconnect();
        clearInterval(looked);
        done({ changed: false, screen: null, kernel: this.kernelTime });
      }, 50);
    });
    const labels = [...node.closest(".jupyter-widgets").querySelectorAll("label")];
    const name = labels.map((l) => l.textContent.replace(/\u200b/g, "").trim()).find(Boolean);
    const walked = this.walked(kind, node);
    return { kind, name: name || kind, picture: before, walked, next: this.next(kind, node) };
  },

  async walk(k, moves) { // at most so many moves; tells what is wrong at a stop
    const { kind, node, view } = this.controls()[k];
    const wrong = () => [...this.signs(view), ...this.broken(view)];
    const found = wrong();
    for (let move = 0; move < moves && !this.walked(kind, node); move++) {
      const answered = this.answered();
      this.press(kind, node);
      await answered;
      await this.loaded(view);
      found.push(...wrong());
    }
    return found;
  },

  press(kind, node) { // as the keyboard does
    const next = this.next(kind, node);
    if (kind === "checkbox") return node.click();
    if (kind === "slider") {
      return node.dispatchEvent(new KeyboardEvent("keydown", { key: next, bubbles: true }));
    }
    node.selectedIndex = next;
    node.dispatchEvent(new Event("change", { bubbles: true }));
  },

  answered() { // when the next message of a widget has been dealt with, in the page too
    const kernel = this.panel().sessionContext.session.kernel;
    return new Promise((done, failed) => {
      let asked = null;
      const send = (_, { msg, direction }) => {
        if (direction === "send" && msg.header.msg_type === "comm_msg") asked ??= msg.header.msg_id;
      };
      const answer = (_, { content, parent_header }) => {
        if (!asked || parent_header?.msg_id !== asked || content.execution_state !== "idle") return;
        kernel.anyMessage.disconnect(send);
        kernel.iopubMessage.disconnect(answer);
        done();
      };
      kernel.anyMessage.connect(send);
      kernel.iopubMessage.connect(answer);
      setTimeout(failed, 60000, "the kernel has not answered to a move");
    });
  },

  async seen() {
    const seen = await this.result;
    return { seen, picture: this.picture(this.watched) };
  },

  dropUnread() { // what is folded away, and what of a picture has neither words nor a role
    document.querySelectorAll("details:not([open]) > :not(summary)").forEach((e) => e.remove());
    for (const shape of document.querySelectorAll("svg :not([role], [tabindex], [id])")) {
      if (!shape.hasChildNodes() && !/aria-/.test(shape.getAttributeNames())) shape.remove();
    }
  },

  pages() {
    const view = this.panel().node.querySelector(".jp-WindowedPanel-outer");
    const last = [...view.querySelectorAll(".jp-Cell")].pop().getBoundingClientRect();
    const bottom = last.bottom - view.getBoundingClientRect().top + view.scrollTop;
    return Math.ceil(bottom / (view.clientHeight - 40));
  },

  async scroll(k) { // until what has come into view is drawn
    const view = this.panel().node.querySelector(".jp-WindowedPanel-outer");
    view.scrollTop = k * (view.clientHeight - 40);
    for (const frame of [1, 2]) await new Promise(requestAnimationFrame);
  },

  slide(k) { // shows slide k with all its fragments; tells what does not fit
    const { h, v } = window.Reveal.getIndices(window.Reveal.getSlides()[k]);
    window.Reveal.slide(h, v, 99);
    const slide = window.Reveal.getCurrentSlide();
    const title = slide.querySelector("h1, h2, h3")?.textContent.replace("¶", "").trim();
    const name = `slide ${k + 1} (${title || slide.textContent.trim().slice(0, 60)})`;
    const [width, height] = [1280, 720];
    const found = this.broken(slide).map((source) => `${name}: no picture ${source}`);
    if (slide.scrollHeight > height || slide.scrollWidth > width) {
      found.push(`${name} is ${slide.scrollWidth} x ${slide.scrollHeight}`);
    }
    for (const part of slide.querySelectorAll("*")) {
      const hidden = part.scrollWidth - part.clientWidth;
      if (getComputedStyle(part).overflowX !== "visible" && part.clientWidth && hidden > 2
          && !part.closest("svg, .MathJax_CHTML, .mjx-chtml, .MJX_Assistive_MathML")) {
        found.push(`${name}: ${part.tagName.toLowerCase()}.${part.className} is ${hidden} px`
          + ` too wide: ${part.textContent.trim().slice(0, 60)}`);
      }
    }
    return found;
  },

  clicks(k) { // how many clicks slide k takes
    const parts = Reveal.getSlides()[k].querySelectorAll(".fragment");
    return new Set([...parts].map((part) => part.dataset.fragmentIndex)).size;
  },

  turns() { // the stops of the sliders on this slide; all of them are turned together
    const sliders = [...Reveal.getCurrentSlide().querySelectorAll("input[type=range]")];
    return Math.max(0, ...sliders.map((slider) => Number(slider.max) + 1));
  },

  turn(stop) {
    for (const slider of Reveal.getCurrentSlide().querySelectorAll("input[type=range]")) {
      slider.value = stop;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
  },

  texts() { // what can be read on this slide: the size in pixels, and the box around it
    const found = [];
    const walker = document.createTreeWalker(Reveal.getCurrentSlide(), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const [text, parent] = [walker.currentNode.textContent.trim(), walker.currentNode.parentElement];
      const unseen = "aside, style, script, title, .MathJax_Preview, .MJX_Assistive_MathML";
      if (!text || parent.closest(unseen)) continue;
      if (getComputedStyle(parent).visibility === "hidden") continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      const scale = parent.closest("svg") ? parent.getScreenCTM() : { c: 0, d: 1 };
      const size = parseFloat(getComputedStyle(parent).fontSize) * Math.hypot(scale.c, scale.d);
      found.push({ text, size, box: [box.left, box.top, box.right, box.bottom] });
    }
    return found;
  },
};

// Drawing on the input: hard strokes of one colour, so that a label map holds its classes alone.

const FREE = ["#000000", "#ffffff", "#d0342c", "#e8963a", "#f2d544", "#4a9d4f", "#3f7fd0", "#7a4b2a"];
const KEPT = 20;

export function makePad(canvas, palette, { brush, palette: box, fill, undo }, changed) {
  const colours = palette.length ? palette : FREE.map((colour) => ({ colour, name: "" }));
  let colour = colours[0].colour, on = false, last = null, past = [];
  const context = () => canvas.getContext("2d", { willReadFrequently: true });

  for (const [index, { name, colour: value }] of colours.entries()) {
    const label = document.createElement("label"), radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "colour", checked: index === 0 });
    radio.ariaLabel = name || value;
    radio.addEventListener("change", () => { colour = value; });
    const shown = document.createElement("span"), dot = document.createElement("i");
    dot.style.background = value;
    shown.append(dot, name);
    label.append(radio, shown);
    box.append(label);
  }

  const remember = () => {
    past = [...past.slice(1 - KEPT), context().getImageData(0, 0, canvas.width, canvas.height)];
  };
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [
      ((event.clientX - frame.left) * canvas.width) / frame.width,
      ((event.clientY - frame.top) * canvas.height) / frame.height,
    ];
  };
  // Rows of a disc instead of arcs, whose soft borders would be colours of no class.
  const stamp = (x, y) => {
    const radius = brush.value / 2, pen = context();
    pen.fillStyle = colour;
    for (let row = Math.floor(y - radius); row <= y + radius; row++) {
      const half = Math.sqrt(Math.max(radius ** 2 - (row + 0.5 - y) ** 2, 0.25));
      const from = Math.round(x - half), to = Math.max(Math.round(x + half), from + 1);
      pen.fillRect(from, row, to - from, 1);
    }
  };
  const stroke = ([x, y]) => {
    const [fromX, fromY] = last ?? [x, y], steps = Math.ceil(Math.hypot(x - fromX, y - fromY)) || 1;
    for (let i = 1; i <= steps; i++) stamp(fromX + ((x - fromX) * i) / steps, fromY + ((y - fromY) * i) / steps);
    last = [x, y];
    changed();
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!on) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    remember();
    stroke(at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const one of between.length ? between : [event]) stroke(at(one));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
  const cover = (value) => {
    context().fillStyle = value;
    context().fillRect(0, 0, canvas.width, canvas.height);
    changed();
  };
  fill.addEventListener("click", () => { remember(); cover(colour); });
  undo.addEventListener("click", () => {
    const before = past.pop();
    if (!before) return;
    Object.assign(canvas, { width: before.width, height: before.height });
    context().putImageData(before, 0, 0);
    changed();
  });
  return {
    enable(yes) { on = yes; },
    blank(side) {
      Object.assign(canvas, { width: side, height: side });
      cover(palette.length ? colours[0].colour : "#ffffff");
    },
  };
}

for (const input of document.querySelectorAll(".split input")) {
  const show = () => input.parentElement.style.setProperty("--n", input.value);
  input.addEventListener("input", show);
  show();
}

// The nearest point of the plot is described as the pointer moves, also where points overlap.
for (const figure of document.querySelectorAll(".pareto")) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  figure.append(tip);
  for (const svg of figure.querySelectorAll("svg")) {
    const points = [...svg.querySelectorAll("title")].map((title) => {
      const shape = title.parentElement, text = title.textContent;
      title.remove(); // or the browser shows a second one
      return { shape, text };
    });
    // A drawing that is not shown has no boxes, so they are asked for when they are needed.
    const middle = ({ shape }) => {
      const box = shape.getBBox();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    };
    let near = null;
    const mark = (point) => {
      near?.shape.classList.remove("near");
      near = point;
      near?.shape.classList.add("near");
      tip.hidden = !near;
    };
    svg.addEventListener("pointerleave", () => mark(null));
    svg.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = 18, found = null;
      for (const point of points) {
        point.at ??= middle(point);
        const far = Math.hypot(point.at.x - at.x, point.at.y - at.y);
        if (far <= best) { best = far; found = point; }
      }
      mark(found);
      if (!found) return;
      tip.textContent = found.text;
      const box = figure.getBoundingClientRect(), spot = found.shape.getBoundingClientRect();
      const left = spot.left + spot.width / 2 - box.left - tip.offsetWidth / 2;
      tip.style.left = Math.max(0, Math.min(box.width - tip.offsetWidth, left)) + "px";
      const above = spot.top - box.top - tip.offsetHeight - 8;
      tip.style.top = (above < 0 ? spot.bottom - box.top + 8 : above) + "px";
    });
  }
}

document.querySelectorAll("thead th").forEach(function (head) {
  var button = document.createElement("button");
  button.textContent = head.textContent;
  head.textContent = "";
  head.appendChild(button);
  button.addEventListener("click", function () {
    var body = head.closest("table").tBodies[0];
    var up = head.getAttribute("aria-sort") !== "ascending";
    head.parentNode.querySelectorAll("th").forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    var key = function (row) {
      var cell = row.cells[head.cellIndex];
      var text = cell.dataset.value || cell.textContent;
      var value = Number(text);
      return isNaN(value) ? text : value;
    };
    var compare = function (a, b) {
      var x = key(a), y = key(b);
      if (typeof x === "number" ? typeof y === "number" : false) { return x - y; }
      return String(x).localeCompare(String(y));
    };
    var rows = Array.from(body.rows).sort(compare);
    if (!up) { rows.reverse(); }
    rows.forEach(function (row) { body.appendChild(row); });
  });
});

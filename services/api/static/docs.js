// The API's addresses from its own description, without a script from elsewhere.
const make = (name, text = "") => Object.assign(document.createElement(name), { textContent: text });
const openapi = await (await fetch("/openapi.json")).json();
for (const [path, methods] of Object.entries(openapi.paths)) {
  for (const [method, route] of Object.entries(methods)) {
    const table = make("table");
    for (const parameter of route.parameters || []) {
      const row = make("tr");
      const schema = parameter.schema.items || parameter.schema;
      row.append(make("td", parameter.name + (parameter.required ? " *" : "")), make("td", parameter.description || ""), make("td", (schema.enum || []).join(", ")));
      table.append(row);
    }
    document.getElementById("paths").append(make("h2", `${method.toUpperCase()} ${path}`), make("p", route.summary || ""), table);
  }
}

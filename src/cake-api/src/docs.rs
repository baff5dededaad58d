//! The contract as a page: made from the OpenAPI document, without a script.

use serde_json::Value;
use std::fmt::Write;

pub const STYLE: &str = include_str!("docs.css");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The whole page.
pub fn page() -> String {
    let document: Value = serde_json::from_str(crate::openapi::document()).unwrap_or_default();
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>cake API</title><link rel=\"stylesheet\" href=\"/v1/docs.css\"><main><h1>cake API</h1>",
    );
    for paragraph in text(&document["info"]["description"]).split("\n\n") {
        let _ = write!(out, "<p>{}</p>", escape(&paragraph.replace("**", "").replace('`', "")));
    }
    out.push_str(
        "<p>For programs: <a href=\"/v1/openapi.json\">/v1/openapi.json</a> (OpenAPI 3.1)</p><h2>Operations</h2>",
    );
    for (path, item) in entries(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                self::operation(&mut out, method, path, operation);
            }
        }
    }
    out.push_str("<h2>Types</h2>");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        self::schema(&mut out, name, schema);
    }
    out.push_str("</main></html>");
    out
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn operation(out: &mut String, method: &str, path: &str, operation: &Value) {
    let id = text(&operation["operationId"]);
    let summary = text(&operation["summary"]);
    let _ = write!(
        out,
        "<section id=\"{id}\"><h3><code>{} {}</code></h3><p>{}</p><dl>",
        method.to_uppercase(),
        escape(path),
        escape(summary)
    );
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let needed = if parameter["required"] == true { "required" } else { "optional" };
        let _ = write!(out, "<dt><code>{}</code></dt><dd>{place}, {needed}</dd>", escape(name));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let _ = write!(out, "<dt>body</dt><dd>{}</dd>", shape(body));
    }
    for (status, response) in entries(&operation["responses"]) {
        let found = entries(&response["content"]).next();
        let what = found.map_or_else(String::new, |(kind, content)| match content.get("schema") {
            Some(schema) => shape(schema),
            None => escape(kind),
        });
        let _ = write!(out, "<dt>{status}</dt><dd>{what}</dd>");
    }
    out.push_str("</dl></section>");
}

fn schema(out: &mut String, name: &str, schema: &Value) {
    let _ = write!(
        out,
        "<section id=\"{0}\"><h3>{0}</h3><p>{1}</p><dl>",
        escape(name),
        escape(text(&schema["description"]))
    );
    let parts = schema["allOf"].as_array().map_or(vec![schema], |parts| parts.iter().collect());
    for part in parts {
        if !part["$ref"].is_null() {
            let _ = write!(out, "<dt>all of</dt><dd>{}</dd>", shape(part));
        }
        for (field, kind) in entries(&part["properties"]) {
            let told = escape(text(&kind["description"]));
            let _ = write!(out, "<dt><code>{}</code></dt><dd>{} {told}</dd>", escape(field), shape(kind));
        }
    }
    out.push_str("</dl></section>");
}

/// A type in a few words, with a link where it has a section of its own.
fn shape(schema: &Value) -> String {
    if let Some(name) = text(&schema["$ref"]).rsplit('/').next().filter(|name| !name.is_empty()) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(all) = schema[choice].as_array() {
            return all.iter().map(shape).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("<code>{}</code>", escape(text(word))))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", shape(&schema["items"])),
        Value::String(kind) => escape(kind),
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    }
}

//! Just enough reading of HTML to look at what the templates made: they are our own, so a strict reader will do.

/// An element's begin, its end, or text between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Open { name: String, attributes: Vec<(String, String)>, closed: bool },
    Close(String),
    Text(String),
}

const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];

/// Cuts a document into its pieces. Panics at what is not well formed.
pub fn pieces(html: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if at > 0 {
            pieces.push(Piece::Text(decoded(&rest[..at])));
        }
        let (tag, after) = tag(&rest[at..]);
        pieces.push(tag);
        rest = after;
    }
    pieces
}

fn tag(text: &str) -> (Piece, &str) {
    if text.starts_with("<!") {
        let end = text.find('>').expect("a declaration ends");
        return (Piece::Text(String::new()), &text[end + 1..]);
    }
    if let Some(rest) = text.strip_prefix("</") {
        let (name, after) = rest.split_once('>').expect("a tag ends");
        return (Piece::Close(name.trim().into()), after);
    }
    let mut at = 1 + text[1..].find(|c: char| c.is_whitespace() || c == '>' || c == '/').expect("a tag has a name");
    let name = text[1..at].to_owned();
    let mut attributes = Vec::new();
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if let Some(after) = rest.strip_prefix("/>") {
            return (Piece::Open { name, attributes, closed: true }, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            let closed = VOID.contains(&name.as_str());
            return (Piece::Open { name, attributes, closed }, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '>').expect("an attribute ends");
        let key = rest[..end].to_owned();
        if let Some(value) = rest[end..].strip_prefix("=\"") {
            let long = value.find('"').unwrap_or_else(|| panic!("an open value: {key}={value:.80}"));
            attributes.push((key, decoded(&value[..long])));
            at += end + 2 + long + 1;
        } else {
            attributes.push((key, String::new()));
            at += end;
        }
    }
}

fn decoded(text: &str) -> String {
    let mut out = text.to_owned();
    for (entity, plain) in [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
    ] {
        out = out.replace(entity, plain);
    }
    out.replace("&#38;", "&").replace("&amp;", "&")
}

/// Checks that every element is closed in order, and calls `see` with each text and attribute that people meet, and whether it
/// is marked as data (`translate="no"`).
pub fn walk(page: &str, html: &str, mut see: impl FnMut(&str, bool)) {
    const SHOWN: [&str; 5] = ["title", "aria-label", "placeholder", "alt", "value"];
    let mut open: Vec<(String, bool)> = Vec::new();
    for piece in pieces(html) {
        let data = open.last().is_some_and(|(_, data)| *data);
        match piece {
            Piece::Open { name, attributes, closed } => {
                let data = data || attributes.iter().any(|(key, value)| key == "translate" && value == "no");
                let word = |key: &str| SHOWN.contains(&key) && (key != "value" || name == "button");
                for (key, value) in attributes.iter().filter(|(key, value)| word(key) && !value.is_empty()) {
                    see(value, data || (key == "value" && value == "yes"));
                }
                if !closed {
                    open.push((name, data));
                }
            }
            Piece::Close(name) => {
                let (opened, _) = open.pop().unwrap_or_else(|| panic!("{page}: </{name}> closes nothing"));
                assert_eq!(opened, name, "{page}: elements are closed in order");
            }
            Piece::Text(text) => see(text.trim(), data),
        }
    }
    assert!(open.is_empty(), "{page}: {open:?} is never closed");
}

//! Files of kconfig: the kernel's, Buildroot's and busybox's configurations.

use std::collections::BTreeMap;

/// Symbol → value as it stands there (`y`, `m`, `"a string"`); `n` where the file says that it is not set.
pub type Values = BTreeMap<String, String>;

/// What a file says. The last word on a symbol counts.
pub fn parse(text: &str) -> Values {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if let Some(symbol) = line.strip_prefix("# ").and_then(|line| line.strip_suffix(" is not set")) {
        return Some((symbol.to_owned(), "n".to_owned()));
    }
    let (symbol, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    Some((symbol.to_owned(), value.to_owned()))
}

/// A string's value without its quotes.
pub fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// What was asked and is not so: symbols vanish without a word where something that they depend on is missing.
pub fn vanished<'a>(asked: &'a Values, got: &'a Values) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    asked.iter().filter_map(|(symbol, value)| {
        let so = got.get(symbol).map_or("n", String::as_str);
        (so != value).then_some((symbol.as_str(), value.as_str(), so))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vanished_is_told_and_what_was_never_on_is_off() {
        let asked = parse("# a comment=1\nA=y\nB=y\nC=\"x y\"\n# D is not set\nE=y\nA=m\n");
        let got = parse("A=m\n# B is not set\nC=\"x y\"\n");
        let vanished: Vec<_> = vanished(&asked, &got).collect();
        assert_eq!(vanished, [("B", "y", "n"), ("E", "y", "n")]);
        assert_eq!(unquoted(&asked["C"]), "x y");
    }
}

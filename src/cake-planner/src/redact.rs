//! Texts for others to read: what could be a secret is taken out of them. Better one word too many than one too few.

/// Stands in the place of what was taken out.
pub const GONE: &str = "[redacted]";

/// Names whose value is a secret, at the end of a longer name too: `setup_token`, `X-Cake-CSRF`.
const NAMES: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "csrf",
    "recovery_key",
    "user_data",
    "user-data",
];
/// From so many characters on a random-looking word is taken for a key.
const KEY_LEAST: usize = 40;
const SSH_KEYS: [&str; 4] = ["ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "sk-ssh-"];

/// The text, line by line, without secrets.
pub fn redact(text: &str) -> String {
    let (mut out, mut in_key) = (String::with_capacity(text.len()), false);
    for line in text.split_inclusive('\n') {
        let ends = line.contains("-----END ");
        if in_key || (line.contains("-----BEGIN ") && line.contains("PRIVATE KEY")) {
            if !in_key {
                out.push_str(GONE);
                out.push('\n');
            }
            in_key = !ends;
            continue;
        }
        out.push_str(&redact_line(line));
    }
    out
}

fn redact_line(line: &str) -> String {
    let mut line = line.to_owned();
    for step in [ssh_keys, values, marked, logins, random_words] {
        line = step(&line);
    }
    line
}

/// Replaces `range` again and again until `find` finds nothing behind what was replaced.
fn each(line: &str, find: impl Fn(&str) -> Option<(usize, usize)>) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((start, end)) = find(rest) {
        out.push_str(&rest[..start]);
        out.push_str(GONE);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// To the end of what is quoted, or of the line.
fn until_quote(text: &str, from: usize) -> usize {
    text[from..].find(['"', '\'', '\n', '\\']).map_or(text.len(), |at| from + at)
}

fn ssh_keys(line: &str) -> String {
    each(line, |rest| {
        let at = SSH_KEYS.iter().filter_map(|kind| rest.find(kind).map(|at| at + kind.len())).min()?;
        Some((at, until_quote(rest, at)))
    })
}

/// `name: value`, `name=value`, `"name":"value"`.
fn values(line: &str) -> String {
    each(line, |rest| {
        let lower = rest.to_ascii_lowercase();
        let found = NAMES.iter().flat_map(|name| lower.match_indices(name).map(|(at, name)| at + name.len()));
        found.filter_map(|end| value(rest, end)).min()
    })
}

/// Where the value behind a name is that ends at `end`.
fn value(rest: &str, end: usize) -> Option<(usize, usize)> {
    let behind = &rest[end..];
    let quoted_name = behind.starts_with(['"', '\'']) || behind.starts_with("\\\"");
    let after = behind.trim_start_matches(['"', '\'', '\\']).trim_start_matches(' ');
    let sign = after.chars().next().filter(|sign| matches!(sign, ':' | '='))?;
    let value = after[1..].trim_start_matches([' ', '\\']);
    let start = rest.len() - value.len();
    if value.trim().is_empty() || value.starts_with(GONE) || value.starts_with(['[', '{']) {
        return None;
    }
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    let (from, stop) = match quote {
        Some(quote) => (start + 1, rest[start + 1..].find([quote, '\\', '\n']).map(|at| start + 1 + at)),
        None if quoted_name => (start, rest[start..].find([',', '}', '\n', '\\']).map(|at| start + at)),
        None if sign == '=' => (start, rest[start..].find([' ', ';', '&', ',', '"', '\n']).map(|at| start + at)),
        None => (start, rest[start..].find(['\n', '"']).map(|at| start + at)),
    };
    let stop = stop.unwrap_or(rest.len());
    let inside = &rest[from..stop];
    let nothing = inside.is_empty() || matches!(inside.trim(), "null" | "true" | "false") || inside.starts_with(GONE);
    (!nothing).then_some((from, stop))
}

/// API tokens and hashes of passwords say what they are.
fn marked(line: &str) -> String {
    let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let tokens = each(line, |rest| {
        let mut at = 0;
        while let Some(found) = rest[at..].find("cake_").map(|found| at + found) {
            let end = rest[found..].find(|c| !of_token(c)).map_or(rest.len(), |end| found + end);
            if end - found >= 24 {
                return Some((found, end));
            }
            at = found + "cake_".len();
        }
        None
    });
    each(&tokens, |rest| {
        let at = ["$argon2", "$6$", "$5$", "$2b$", "$y$"].iter().filter_map(|mark| rest.find(mark)).min()?;
        let end = rest[at..].find([' ', '"', '\'', ',', '\n']).map_or(rest.len(), |end| at + end);
        Some((at, end))
    })
}

/// `scheme://name:password@host`
fn logins(line: &str) -> String {
    each(line, |rest| {
        let mut at = 0;
        while let Some(start) = rest[at..].find("://").map(|found| at + found + 3) {
            let end = rest[start..].find([' ', '/', '"', '\'', '\n']).map_or(rest.len(), |end| start + end);
            if let Some(sign) = rest[start..end].rfind('@')
                && sign > 0
                && !rest[start..end].starts_with(GONE)
            {
                return Some((start, start + sign));
            }
            at = start;
        }
        None
    })
}

/// Keys and session secrets: long words of Base64, and recovery keys. Not hashes in hexadecimal, which say nothing, and not paths.
fn random_words(line: &str) -> String {
    let url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let standard = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let once = each(line, |rest| long_word(rest, url, |word| is_mixed(word) || is_recovery_key(word)));
    each(&once, |rest| long_word(rest, standard, |word| is_mixed(word) && word.ends_with('=')))
}

fn is_mixed(word: &str) -> bool {
    let kinds = [char::is_ascii_uppercase as fn(&char) -> bool, char::is_ascii_lowercase, char::is_ascii_digit];
    kinds.iter().all(|kind| word.chars().any(|c| kind(&c)))
}

fn is_recovery_key(word: &str) -> bool {
    cake_types::modhex::read(word).is_some()
}

fn long_word(text: &str, of: impl Fn(char) -> bool, good: impl Fn(&str) -> bool) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some(start) = text[at..].find(&of).map(|found| at + found) {
        let end = text[start..].find(|c| !of(c)).map_or(text.len(), |end| start + end);
        let word = &text[start..end];
        if word.len() >= KEY_LEAST && good(word) {
            return Some((start, end));
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (text, left) in [
            ("password: correct horse", "password: [redacted]"),
            ("chpasswd=x; next", "chpasswd=[redacted]; next"),
            ("{\"token\":\"abc\",\"name\":\"web\"}", "{\"token\":\"[redacted]\",\"name\":\"web\"}"),
            ("{\"user_data\":null,\"cpus\":1}", "{\"user_data\":null,\"cpus\":1}"),
            ("\"{\\\"password\\\":\\\"x y\\\"}\"", "\"{\\\"password\\\":\\\"[redacted]\\\"}\""),
            ("Authorization: Bearer cake_abcdefghijklmnopqrstuvwxyz", "Authorization: [redacted]"),
            ("got cake_AbcdEfghIjklMnopQrstUvwx here", "got [redacted] here"),
            ("the cake_node crate", "the cake_node crate"),
            ("hash $argon2id$v=19$m=19456,t=2$abc$def end", "hash [redacted],t=2$abc$def end"),
            ("https://me:pw@host/x?y", "https://[redacted]@host/x?y"),
            ("https://host/x@y", "https://host/x@y"),
            ("ssh-ed25519 AAAAC3Nza me@home", "ssh-ed25519 [redacted]"),
            ("\"ssh-rsa AAAAB3 me\",\"b\"", "\"ssh-rsa [redacted]\",\"b\""),
            ("kind token, action token_create", "kind token, action token_create"),
            ("id 0192a000-0000-7000-8000-000000000001", "id 0192a000-0000-7000-8000-000000000001"),
            (
                "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            ("key Zx3/abcdABCD0123456789abcdABCD0123456789+bc=.", "key [redacted]."),
            ("key cbdefghi-jklnrtuv-ccbbddee-ffgghhii-jjkkllnn-rrttuuvv-cccccccc-vvvvvvvv.", "key [redacted]."),
            ("mail q7Zx3_abcdABCD0123456789abcdABCD0123456789", "mail [redacted]"),
        ] {
            assert_eq!(redact(text), left, "{text}");
        }
        let key = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIVATE KEY-----\nz\n";
        assert_eq!(redact(key), "a\n[redacted]\nz\n");
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "\\PC*") {
            let once = redact(&text);
            prop_assert!(once.lines().count() <= text.lines().count() + 1);
        }

        #[test]
        fn a_secret_behind_its_name_is_never_there(secret in "[a-zA-Z0-9]{12,30}", name in 0usize..11, sign in "[:=]", gap in " ?") {
            let line = format!("2026-11-27 INFO caked: {}{sign}{gap}{secret}", NAMES[name]);
            prop_assert!(!redact(&line).contains(&secret), "{line}");
        }
    }
}

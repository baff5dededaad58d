//! A host and its port as an address of the web has them (RFC 3986 §3.2).

/// An IPv6 address in brackets, everything else as it is.
pub fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// `192.0.2.7:623`, `[2001:db8::7]:623`, `bmc-1.example.com:623`.
pub fn authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_colons_is_bracketed() {
        assert_eq!(authority("192.0.2.7", 623), "192.0.2.7:623");
        assert_eq!(authority("2001:db8::7", 623), "[2001:db8::7]:623");
        assert_eq!(bracketed("bmc-1.example.com"), "bmc-1.example.com");
    }
}

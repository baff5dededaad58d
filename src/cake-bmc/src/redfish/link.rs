//! Where a document lies. A BMC may name only its own tree: a link to another host, another scheme or out of `/redfish` is none.

use std::fmt;

const LINK_MAX: usize = 1024;

/// The service root (DSP0266 §6.3).
pub const ROOT: &str = "/redfish/v1/";

/// A path below `/redfish/` on the BMC itself, without fragment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(String);

impl Link {
    pub fn root() -> Self {
        Self(ROOT.to_owned())
    }

    /// `None` for everything that must not be followed.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.split('#').next().unwrap_or_default();
        let graphic = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
        let fits = path.starts_with("/redfish/") && path.len() <= LINK_MAX && path.bytes().all(graphic);
        let steps = path.split('?').next().unwrap_or_default();
        let climbs = steps.contains("//") || steps.split('/').any(|step| matches!(step, "." | ".."));
        (fits && !climbs).then(|| Self(path.to_owned()))
    }

    /// Of a `Location` header, which may name the host too. Whichever it names, it is this BMC that is asked.
    pub fn of_location(text: &str) -> Option<Self> {
        let absolute = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match absolute {
            Some(rest) => Self::parse(&rest[rest.find('/')?..]),
            None => Self::parse(text),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A document below or beside: `/redfish/v1/Systems` and `/redfish/v1/Systems/` are one.
    pub fn trimmed(&self) -> &str {
        self.0.trim_end_matches('/')
    }

    pub fn with_query(&self, query: &str) -> Self {
        let joint = if self.0.contains('?') { '&' } else { '?' };
        Self(format!("{}{joint}{query}", self.0))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn only_the_bmcs_own_tree_is_followed() {
        for good in ["/redfish/v1/", "/redfish/v1/Systems/437XR1138R2", "/redfish/v1/Chassis/1U/Sensors?$skip=50"] {
            assert_eq!(Link::parse(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            "/",
            "redfish/v1/",
            "/etc/passwd",
            "//evil.example/redfish/v1/",
            "https://evil.example/redfish/v1/Systems/1",
            "file:///etc/passwd",
            "/redfish/../etc/passwd",
            "/redfish/v1/./Systems",
            "/redfish//v1",
            "/redfish/v1/\r\nX-Evil: 1",
            "/redfish/v1/a b",
            "/redfish/v1/\u{7535}",
        ] {
            assert_eq!(Link::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Link::parse(&format!("/redfish/{}", "a".repeat(2000))), None);
    }

    #[test]
    fn fragments_fall_off_and_locations_lose_their_host() {
        assert_eq!(Link::parse("/redfish/v1/C/1/Thermal#/Fans/0").expect("a link").as_str(), "/redfish/v1/C/1/Thermal");
        let location = Link::of_location("https://10.0.0.7:8443/redfish/v1/SessionService/Sessions/7").expect("a link");
        assert_eq!(location.as_str(), "/redfish/v1/SessionService/Sessions/7");
        assert_eq!(Link::of_location("https://10.0.0.7"), None);
        assert_eq!(Link::of_location("ftp://10.0.0.7/redfish/v1/"), None);
    }
}

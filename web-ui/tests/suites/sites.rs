//! All pages there are, by address.

use super::browser::Browser;
use crate::common;

pub const VM: &str = "/vms/0192a000-0000-7000-8000-010000000001";
pub const TASK: &str = "/tasks/0192a000-0000-7000-8000-070000000003";

/// Machines of the busy rack: cake's own, one in trouble, one that refuses, one that is off, one without a BMC, one just added.
pub const NODE: &str = "/servers/0192a000-0000-7000-8000-120000000001";
pub const CRITICAL: &str = "/servers/0192a000-0000-7000-8000-120000000003";
pub const SILENT: &str = "/servers/0192a000-0000-7000-8000-120000000004";
pub const REFUSED: &str = "/servers/0192a000-0000-7000-8000-120000000005";
pub const OFF: &str = "/servers/0192a000-0000-7000-8000-120000000006";
pub const WITHOUT: &str = "/servers/0192a000-0000-7000-8000-120000000007";
pub const LABORATORY: &str = "/servers/0192a000-0000-7000-8000-120000000008";
pub const HISTORY: &str = "/servers/0192a000-0000-7000-8000-120000000003/history?sensor=20.0.41";
pub const NEW: &str = "/servers/0192a000-0000-7000-8000-120000000009";

/// Power strips: one that is well, one without power, one that was never heard.
pub const PDU: &str = "/pdus/0192a000-0000-7000-8000-130000000001";
pub const DEAD: &str = "/pdus/0192a000-0000-7000-8000-130000000003";
pub const UNHEARD: &str = "/pdus/0192a000-0000-7000-8000-130000000005";

/// Pages for somebody who is logged in.
pub const INSIDE: [&str; 55] = [
    "/",
    "/vms",
    "/vms?q=web&show=running&sort=memory&down=1",
    "/vms?q=nothing-is-called-so",
    "/vms/new",
    VM,
    "/vms/0192a000-0000-7000-8000-010000000006",
    "/vms/0192a000-0000-7000-8000-01000000000c",
    "/vms/0192a000-0000-7000-8000-010000000001/console",
    "/vms/0192a000-0000-7000-8000-010000000001/screen",
    "/vms/0192a000-0000-7000-8000-010000000006/screen",
    "/images",
    "/disks",
    "/bin",
    "/week",
    "/hardware",
    "/servers",
    "/servers?q=rend&show=attention&sort=watts&down=1",
    "/servers?q=nothing-is-called-so",
    "/servers/find",
    "/servers/find?setup=1",
    NODE,
    "/servers/0192a000-0000-7000-8000-120000000003/console",
    CRITICAL,
    SILENT,
    REFUSED,
    OFF,
    WITHOUT,
    LABORATORY,
    NEW,
    "/cabling",
    "/pdus",
    PDU,
    DEAD,
    UNHEARD,
    "/pdus/nobody",
    HISTORY,
    "/servers/0192a000-0000-7000-8000-120000000001/history",
    "/search",
    "/search?q=web",
    "/search?q=kind%3Avm%20tag%3Aweb",
    "/search?q=state%3Aruning%20web",
    "/vms?q=colour%3Ared",
    "/tasks",
    TASK,
    "/events",
    "/audit",
    "/settings",
    "/nodes/cake-1/network",
    "/nodes/nobody/network",
    "/settings/update",
    "/account",
    "/help",
    "/help/problems",
    "/there-is-no-such-page",
];

/// Every page in every situation: address and HTML.
pub async fn all(language: &'static str, suffix: &str) -> Vec<(String, String)> {
    let viewer = || Some(common::viewer("administrator"));
    let mut pages = Vec::new();
    let racks = [
        ("busy", Browser::new(common::busy(), viewer())),
        ("empty", Browser::new(common::empty(), viewer())),
        ("unreachable", Browser::new(common::unreachable(), viewer())),
    ];
    let with = |address: &str| match suffix {
        "" => address.to_owned(),
        _ if address.contains('?') => format!("{address}&{suffix}"),
        _ => format!("{address}?{suffix}"),
    };
    for (rack, browser) in racks {
        let browser = browser.reading(language);
        for address in INSIDE {
            pages.push((format!("{rack} {address}"), browser.get(&with(address)).await.text));
        }
    }
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer"))).reading(language);
    for address in INSIDE {
        pages.push((format!("viewer {address}"), viewer.get(&with(address)).await.text));
    }
    let fresh = Browser::new(common::fresh(), None).reading(language);
    pages.push(("fresh /setup".into(), fresh.get(&with("/setup")).await.text));
    let stick = Browser::new(common::stick(), None).reading(language);
    pages.push(("stick /setup".into(), stick.get(&with("/setup")).await.text));
    let out = Browser::new(common::busy(), None).reading(language);
    pages.push(("out /login".into(), out.get(&with("/login")).await.text));
    pages.push(("out /let-in".into(), out.get(&with("/let-in")).await.text));
    pages
}

//! Finding servers: what answered, what can be done with it, and what helps where nobody does.

use super::browser::Browser;
use super::markup::{Piece, pieces};
use crate::common::{self, Rack};
use cake_types::{ServerStatus, Stamp, WeakPassword};
use cake_web::ServerView;
use std::sync::Arc;

fn administrator(rack: Rack) -> Browser {
    Browser::new(rack, Some(common::viewer("administrator")))
}

fn count(html: &str, test: &str) -> usize {
    html.matches(&format!("data-test=\"{test}\"")).count()
}

#[tokio::test]
async fn what_answered_is_shown_beside_the_servers_that_there_are() {
    let html = administrator(common::busy()).get("/servers/find").await.text;
    assert_eq!((count(&html, "found-row"), count(&html, "found-select"), count(&html, "found-server")), (4, 3, 1));
    assert!(html.contains("4 BMCs found. Addresses asked: 254"));
    assert!(html.contains("value=\"server-60\"") && html.contains("Contoso") && html.contains("Redfish 1.11.0"));
    assert!(html.contains("data-access=\"auto\"") && html.contains("data-access=\"redfish\" data-port=\"443\""));
    assert!(html.contains("Integrated Controller &#38; &#60;b&#62;more"), "what a BMC says stays text");
    assert!(html.contains("data-api=\"POST /v1/bmc-scan\"") && html.contains("value=\"192.0.2.1-192.0.2.254\""));
    assert!(html.contains("<option value=\"10.20.0.0/20\">"), "the node's networks are proposed");
    assert_eq!(count(&html, "find-own"), 1, "cake's own machine is named");
    assert_eq!((count(&html, "find-nothing"), count(&html, "find-cancel"), count(&html, "find-skip")), (0, 0, 0));
    assert!(html.find("id=\"found-192-0-2-52\"") < html.find("id=\"found-192-0-2-60\""));
    // Nothing is chosen before somebody chooses: a password is sent to whoever is.
    let checked = |piece: Piece| match piece {
        Piece::Open { attributes, .. } => attributes.iter().any(|(key, _)| key == "checked"),
        _ => false,
    };
    assert!(!pieces(html.split("id=\"find-add\"").nth(1).expect("a form")).into_iter().any(checked));
}

#[tokio::test]
async fn a_scan_at_work_has_its_progress_and_an_end() {
    let html = administrator(common::crowded()).get("/servers/find").await.text;
    assert!(html.contains("Addresses asked: 128 of 254") && html.contains("50 %"));
    assert!(html.contains("data-api=\"POST /v1/tasks/00000000-0000-0000-0000-000000000006/cancel\""));
}

#[tokio::test]
async fn nobody_who_answers_is_helped() {
    for (language, why) in [("en", "IPMI over LAN is off"), ("zh-Hant-TW", "IPMI over LAN沒有開啟")] {
        let html = administrator(common::empty()).reading(language).get("/servers/find?setup=1").await.text;
        assert_eq!((count(&html, "find-nothing"), count(&html, "found-row"), count(&html, "find-skip")), (1, 0, 1));
        assert!(html.contains(why), "{language}");
    }
    let html = administrator(common::empty()).get("/servers").await.text;
    assert!(html.contains("href=\"/servers/find\"") && count(&html, "find-first") <= 1);
}

#[tokio::test]
async fn who_may_not_add_sees_what_was_found_and_no_form() {
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer")));
    let html = viewer.get("/servers/find").await.text;
    assert_eq!((count(&html, "found-row"), count(&html, "found-select"), count(&html, "find-form")), (4, 0, 0));
    assert_eq!(count(&html, "find-login"), 0);
    assert!(!viewer.get("/servers").await.text.contains("/servers/find"));
}

#[tokio::test]
async fn the_wizard_leads_there() {
    let html = Browser::new(common::fresh(), None).get("/setup").await.text;
    assert!(html.contains("href=\"/servers/find?setup=1\" aria-disabled=\"true\" data-after-key"));
    assert!(html.contains("href=\"/vms/new\" aria-disabled=\"true\" data-after-key"), "and it can be skipped");
}

#[tokio::test]
async fn a_weak_password_is_told_of_in_the_list_and_on_its_page() {
    let rack = common::busy();
    {
        let mut servers = rack.servers.lock().expect("no panic held it");
        for view in servers.iter_mut().filter(|view| view.server.meta.name.as_str() == "cake-1") {
            let mut weak: ServerView = (**view).clone();
            weak.server.spec.bmc.as_mut().expect("it has one").weak = Some(WeakPassword::Default);
            let status = weak.status.get_or_insert_with(|| ServerStatus::unheard(Stamp::default()));
            status.read_at.get_or_insert(jiff::Timestamp::UNIX_EPOCH);
            *view = Arc::new(weak);
        }
    }
    let browser = administrator(rack);
    let said = "it is the maker’s own, which everybody knows";
    for address in ["/servers", super::sites::NODE] {
        assert!(browser.get(address).await.text.contains(said), "{address}");
    }
}

//! Hostile texts stay texts; nothing inline runs.

use super::browser::Browser;
use super::markup::{Piece, pieces};
use super::sites;
use crate::common;

/// Elements and attributes that would run or load something.
fn check(page: &str, html: &str) {
    for piece in pieces(html) {
        let Piece::Open { name, attributes, .. } = piece else { continue };
        assert!(!["style", "iframe", "object", "embed", "base"].contains(&name.as_str()), "{page}: <{name}>");
        for (key, value) in &attributes {
            assert!(!key.starts_with("on") && key != "style", "{page}: {name} {key}={value}");
            if ["href", "src", "action", "formaction"].contains(&key.as_str()) {
                let own = value.starts_with('/') || value.starts_with('#');
                assert!(own, "{page}: {name} {key}={value} leads elsewhere");
            }
            if name == "img" {
                assert!(key != "src" || value.starts_with("/static/"), "{page}: an image from elsewhere: {value}");
            }
        }
        if name == "script" {
            assert!(attributes.iter().any(|(key, _)| key == "src"), "{page}: an inline script");
        }
    }
}

#[tokio::test]
async fn nothing_inline_anywhere() {
    for (page, html) in sites::all("en", "").await {
        check(&page, &html);
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let browser = Browser::new(common::hostile(), Some(common::viewer("administrator")));
    let attack = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22'%3C%2Fscript%3E";
    let mut seen = 0;
    for address in sites::INSIDE.map(str::to_owned).into_iter().chain([
        format!("/vms?q={attack}"),
        format!("/help?q={attack}"),
        format!("/vms/{attack}"),
        format!("/tasks/{attack}"),
        format!("/servers/{attack}"),
        format!("/servers/{attack}/log"),
        format!("/servers?q={attack}"),
        format!("{}/log", sites::CRITICAL),
        format!("{}/parts", sites::CRITICAL),
        format!("/help/{attack}"),
        format!("/{attack}"),
        format!("/tasks?from={attack}"),
        format!("/events?from={attack}&least=error"),
        format!("/events?q={attack}"),
        format!("/tasks?q={attack}"),
        format!("/audit?q={attack}"),
    ]) {
        let html = browser.get(&address).await.text;
        assert!(!html.contains("<img src=x") && !html.contains("</script>\u{202e}"), "{address}");
        check(&address, &html);
        seen += html.matches("&#60;img src=x onerror").count();
    }
    assert!(seen > 20, "the attack is there, as text: {seen}");
    let out = Browser::new(common::busy(), None);
    let login = out.get(&format!("/login?next={attack}")).await.text;
    check("/login", &login);
    assert!(login.contains("data-then=\"/\""));
}

#[tokio::test]
async fn every_answer_carries_the_policy() {
    let browser = Browser::new(common::busy(), Some(common::viewer("administrator")));
    for address in sites::INSIDE.into_iter().chain([
        "/vms.csv",
        "/servers.csv",
        "/tasks.csv",
        "/events.csv",
        "/audit.csv",
        "/static/x/none.css",
    ]) {
        let answer = browser.get(address).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{address}: {policy}");
        assert!(!policy.contains("unsafe"), "{address}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{address}");
    }
    let page = browser.get("/vms").await;
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn static_files_are_kept_for_ever_and_compressed() {
    let browser = Browser::new(common::busy(), Some(common::viewer("administrator")));
    let page = browser.get("/vms").await.text;
    let start = page.find("/static/").expect("a style sheet");
    let style = page[start..].split('"').next().expect("an address").replace("logo.svg", "cake.css");
    let plain = browser.get(&style).await;
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(plain.header("content-type"), "text/css; charset=utf-8");
    assert!(plain.text.contains("--accent"));
    let packed = browser.get_with(&style, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let kept = browser.get_with(&style, &[("if-none-match", plain.header("etag"))]).await;
    assert_eq!((kept.status.as_u16(), kept.text.len()), (304, 0));
    let older = browser.get("/static/0000000000000000/cake.css").await;
    assert_eq!(older.header("cache-control"), "no-cache");
    for nothing in ["/static/x/../Cargo.toml", "/static/x/", "/static/x/cake.css%00"] {
        assert_eq!(browser.get(nothing).await.status.as_u16(), 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_table_for_spreadsheets_has_all_rows_in_order() {
    let browser = Browser::new(common::busy(), Some(common::viewer("viewer")));
    let csv = browser.get("/vms.csv?sort=memory&down=1").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let rows: Vec<&str> = csv.text.lines().collect();
    assert_eq!(rows.len(), 15, "a title and 14 VMs");
    assert!(rows[1].starts_with("\"build.runner-a\"") && rows[2].starts_with("\"db\""), "{}", rows[1]);
}

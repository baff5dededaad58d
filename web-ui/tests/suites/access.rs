//! Who sees what: before set-up, before the login, and by role.

use super::browser::Browser;
use super::sites;
use crate::common;

#[tokio::test]
async fn before_set_up_every_page_leads_to_the_wizard() {
    let browser = Browser::new(common::fresh(), None);
    for address in sites::INSIDE.into_iter().chain(["/login"]) {
        let answer = browser.get(address).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/setup"), "{address}");
    }
    assert_eq!(browser.get("/setup").await.status.as_u16(), 200);
}

#[tokio::test]
async fn after_set_up_the_wizard_is_gone() {
    let browser = Browser::new(common::empty(), None);
    assert_eq!(browser.get("/setup").await.header("location"), "/");
}

#[tokio::test]
async fn without_a_login_every_page_leads_to_it_and_back() {
    let browser = Browser::new(common::busy(), None);
    for address in sites::INSIDE {
        let answer = browser.get(address).await;
        assert_eq!(answer.status.as_u16(), 303, "{address}");
        assert!(answer.header("location").starts_with("/login"), "{address}");
        assert!(answer.text.is_empty(), "{address} says nothing");
    }
    assert_eq!(browser.get("/vms?q=a").await.header("location"), "/login?next=/vms%3Fq%3Da");
    assert_eq!(browser.get("/live?of=/vms").await.status.as_u16(), 401);
    for file in ["/vms.csv", "/tasks.csv", "/events.csv", "/audit.csv"] {
        assert_eq!(browser.get(file).await.status.as_u16(), 303, "{file}");
    }
    let login = browser.get("/login?next=/vms%3Fq%3Da").await;
    assert!(login.text.contains("data-then=\"/vms?q=a\""), "{}", login.text);
}

#[tokio::test]
async fn who_is_logged_in_skips_the_login() {
    let browser = Browser::new(common::busy(), Some(common::viewer("viewer")));
    assert_eq!(browser.get("/login?next=/tasks").await.header("location"), "/tasks");
}

#[tokio::test]
async fn a_viewer_sees_no_button_that_would_be_refused() {
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer")));
    for address in ["/", "/vms", sites::VM, "/images", "/tasks", sites::TASK, "/events", "/settings"] {
        let page = viewer.get(address).await.text;
        assert!(!page.contains("data-api="), "{address}");
        assert!(!page.contains("href=\"/vms/new") && !page.contains("href=\"/audit\""), "{address}");
    }
    for address in ["/vms/new", "/audit", "/audit.csv", &format!("{}/console", sites::VM)] {
        let answer = viewer.get(address).await;
        assert_eq!(answer.status.as_u16(), 403, "{address}");
        assert!(answer.text.contains("data-code=\"not-allowed\""), "{address}");
    }
}

#[tokio::test]
async fn an_operator_works_with_vms_and_not_with_accounts() {
    let operator = Browser::new(common::busy(), Some(common::viewer("operator")));
    let vm = operator.get(sites::VM).await.text;
    for verb in ["vm-console", "vm-shutdown", "vm-pause", "vm-reset", "vm-stop", "vm-delete"] {
        assert!(vm.contains(&format!("data-test=\"{verb}\"")), "{verb}");
    }
    assert!(!vm.contains("data-test=\"vm-start\""), "it runs already");
    let settings = operator.get("/settings").await.text;
    assert!(!settings.contains("data-api=") && !settings.contains("jun-hao"));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let browser = Browser::new(common::busy(), Some(common::viewer("administrator")));
    for (address, code) in [
        ("/nope", "no-such-route"),
        ("/vms/nope", "not-found"),
        ("/vms/0192a000-0000-7000-8000-01000000ffff", "not-found"),
        ("/servers/nope", "not-found"),
        ("/servers/0192a000-0000-7000-8000-12000000ffff", "not-found"),
        ("/tasks/nope", "not-found"),
        ("/help/nope", "no-such-route"),
    ] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status.as_u16(), 404, "{address}");
        assert!(answer.text.contains(&format!("data-code=\"{code}\"")), "{address}");
        assert!(answer.text.contains(&format!("/help/problems#{code}")), "{address}");
    }
}

#[tokio::test]
async fn every_problem_has_its_section_in_the_manual() {
    let browser = Browser::new(common::busy(), Some(common::viewer("viewer")));
    for language in cake_types::Language::ALL {
        let reader = browser.clone().reading(language.tag());
        let page = reader.get("/help/problems").await.text;
        let refusals = cake_types::Code::ALL.iter().map(|code| code.as_str().to_owned());
        let failures = cake_types::FailureCode::ALL.iter().map(|code| format!("failure-{}", code.as_str()));
        for anchor in refusals.chain(failures) {
            let begin = page.find(&format!("<section id=\"{anchor}\">"));
            let begin = begin.unwrap_or_else(|| panic!("{anchor} has no section in {}", language.tag()));
            let section = page[begin..].split("</section>").next().expect("it ends");
            let next = section.split("<p class=\"next\">").nth(1).and_then(|rest| rest.split("</p>").next());
            assert!(next.is_some_and(|next| next.chars().count() > 5), "{anchor} says no next step: {section}");
            // Where it says more, there is more.
            for link in section.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let (address, place) = link.split_once('#').unwrap_or((link, ""));
                let more = reader.get(address).await;
                assert_eq!(more.status.as_u16(), 200, "{anchor} leads to {link}");
                assert!(place.is_empty() || more.text.contains(&format!("id=\"{place}\"")), "{anchor}: {link}");
            }
        }
    }
    let found = browser.get("/help?q=serial%20port").await.text;
    assert!(
        found.contains("href=\"/help/console\"")
            && !found.contains("<li data-test=\"help-entry\"><a href=\"/help/recovery\"")
    );
}

#[tokio::test]
async fn a_server_that_runs_from_a_stick_is_installed_first() {
    let html = Browser::new(common::stick(), None).get("/setup").await.text;
    assert!(html.contains("data-step=\"disks\"") && html.contains("install.js"), "{html}");
    for what in ["data-step=\"pool\"", "restore-box", "/vms/new", "restore.js"] {
        assert!(!html.contains(what), "{what}");
    }
    let set_up = Browser::new(common::fresh(), None).get("/setup").await.text;
    assert!(set_up.contains("data-step=\"pool\"") && !set_up.contains("install.js"));
}

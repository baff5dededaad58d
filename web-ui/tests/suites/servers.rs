//! The rack, and a machine in it: what is shown is so, and what a button does is said before.

use super::browser::Browser;
use super::markup::{self, Piece, pieces};
use super::sites;
use crate::common::{self, Rack};
use axum::http::StatusCode;
use std::collections::BTreeSet;

fn administrator(rack: Rack) -> Browser {
    Browser::new(rack, Some(common::viewer("administrator")))
}

type Attributes = Vec<(String, String)>;

/// The elements that tests know by this name.
fn named(html: &str, test: &str) -> Vec<Attributes> {
    let open = pieces(html).into_iter().filter_map(|piece| match piece {
        Piece::Open { attributes, .. } => Some(attributes),
        _ => None,
    });
    open.filter(|attributes| value(attributes, "data-test") == test).collect()
}

fn value<'a>(attributes: &'a Attributes, key: &str) -> &'a str {
    attributes.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
}

/// The ids behind the last `-0000`-group of an element's id or address.
fn ids(html: &str, test: &str, key: &str) -> BTreeSet<String> {
    let id = |attributes: &Attributes| {
        let text = value(attributes, key).to_owned();
        text[text.len().saturating_sub(36)..].to_owned()
    };
    named(html, test).iter().map(id).collect()
}

#[tokio::test]
async fn picture_and_list_say_the_same() {
    for (rack, count) in [(common::busy(), 9), (common::crowded(), 50)] {
        let html = administrator(rack).get("/servers").await.text;
        let (slots, beside) = (ids(&html, "slot", "id"), ids(&html, "beside-server", "id"));
        assert!(slots.is_disjoint(&beside));
        let drawn: BTreeSet<_> = slots.union(&beside).cloned().collect();
        assert_eq!(drawn, ids(&html, "server-row", "id"));
        assert_eq!(drawn.len(), count);
        for slot in named(&html, "slot") {
            assert!(value(&slot, "href").starts_with("/servers/"), "the keyboard reaches it");
            assert!(!value(&slot, "data-state").is_empty());
        }
        assert!(html.contains("<title>cake-1: well, on, 23 → 37 °C, 312 W") || count == 50, "ears hear all of it");
    }
}

#[tokio::test]
async fn the_rack_says_first_what_is_wrong() {
    let busy = administrator(common::busy());
    let html = busy.get("/servers").await.text;
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is not there"));
    assert!(at("4 servers need you.") < at("91 °C, critically high (limit 85 °C)"));
    assert!(
        at("id=\"bad-0192a000-0000-7000-8000-120000000003\"") < at("id=\"bad-0192a000-0000-7000-8000-120000000002\"")
    );
    assert!(at("data-test=\"rack-bad\"") < at("data-test=\"rack\""));
    let overview = busy.get("/").await.text;
    assert!(overview.contains("data-test=\"hardware-line\"") && overview.contains("4 servers need you."));
    let empty = administrator(common::empty());
    assert!(!empty.get("/").await.text.contains("data-test=\"hardware-line\""), "no BMC, no line");
    let html = empty.get("/servers").await.text;
    assert!(html.contains("Add the first server") && html.contains("data-api=\"POST /v1/servers\""));
}

#[tokio::test]
async fn who_is_not_there_is_named() {
    let browser = administrator(common::busy());
    for address in ["/servers/nobody", "/servers/nobody/log", "/servers/nobody/parts"] {
        let page = browser.get(address).await.text;
        assert!(page.contains("There is no server “nobody”."), "{address}");
    }
}

#[tokio::test]
async fn what_is_not_heard_shows_no_old_values_but_on_its_own_page() {
    let browser = administrator(common::busy());
    let csv = browser.get("/servers.csv?q=old-mail").await.text;
    let row = csv.lines().nth(1).expect("one server");
    assert!(row.starts_with("\"old-mail\"") && !row.contains("23"), "{row}");
    let page = browser.get(sites::SILENT).await.text;
    assert!(
        page.contains("data-test=\"server-silence\" data-code=\"silent\"") && page.contains("Last read 3 hours ago")
    );
    assert!(page.contains("23 °C") && page.contains("What stands below was read on"));
    assert!(!page.contains("/power\""), "nobody would hear it");
    let off = browser.get("/servers.csv?show=off").await.text;
    assert_eq!(off.lines().count(), 2, "{off}");
    let hot = browser.get("/servers.csv?sort=watts&down=1").await.text;
    let names: Vec<_> = hot.lines().skip(1).filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(names[..3], ["render-7", "store-1", "cake-1"]);
    assert_eq!(names[names.len() - 1], "會計備援主機", "what has no value stands last");
}

#[tokio::test]
async fn a_refusal_asks_for_the_password_right_there_and_only_who_may_give_it() {
    let page = administrator(common::busy()).get(sites::REFUSED).await.text;
    let form = named(&page, "credentials-form").pop().expect("a form");
    let inside = page.split("data-test=\"credentials-form\"").nth(1).and_then(|rest| rest.split("</form>").next());
    let inside = inside.expect("what it sends");
    assert_eq!(value(&form, "data-api"), format!("PATCH /v1{}", sites::REFUSED));
    assert_eq!(value(&form, "data-etag"), "\"m-5\"");
    for (field, said) in
        [("/bmc/access", "ipmi"), ("/bmc/host", "192.0.2.55"), ("/bmc/port", "623"), ("/bmc/user", "cake")]
    {
        assert!(inside.contains(&format!("name=\"{field}\"")), "{field}");
        assert!(inside.contains(&format!("value=\"{said}\"")), "{field}: nothing of before is lost");
    }
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer"))).get(sites::REFUSED).await.text;
    assert!(viewer.contains("data-code=\"refused\"") && !viewer.contains("data-api="));
    assert!(viewer.contains("An administrator has to type the right user and password."));
}

#[tokio::test]
async fn the_power_says_before_what_it_ends() {
    let browser = administrator(common::busy());
    let page = browser.get(sites::NODE).await.text;
    for verb in ["soft", "cycle", "reset", "off"] {
        let button = named(&page, &format!("server-{verb}")).pop().unwrap_or_else(|| panic!("{verb}"));
        let text = value(&button, "data-confirm-text");
        assert!(
            text.contains("VMs run on it") && text.contains("會計主機") && text.contains("web-1"),
            "{verb}: {text}"
        );
        assert!(!text.contains("test-1"), "it does not run: {text}");
        assert!(!value(&button, "data-confirm-verb").is_empty());
        assert_eq!(value(&button, "data-body"), format!("{{\"action\":\"{verb}\"}}"));
    }
    assert!(page.contains("data-test=\"server-polite\"") && page.contains("href=\"/settings#host\""));
    assert!(!page.contains("data-test=\"server-remove\""), "cake runs on it");
    assert!(browser.get("/settings").await.text.contains("id=\"host\""));
    let other = browser.get(sites::CRITICAL).await.text;
    assert!(other.contains("cake does not know what runs on it.") && !other.contains("data-test=\"server-polite\""));
    let off = browser.get(sites::OFF).await.text;
    assert!(off.contains("data-test=\"server-on\"") && !off.contains("data-test=\"server-soft\""));
    let operator = Browser::new(common::busy(), Some(common::viewer("operator"))).get(sites::NODE).await.text;
    assert!(operator.contains("data-test=\"server-light-on\"") && !operator.contains("/power\""));
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer"))).get(sites::NODE).await.text;
    assert!(!viewer.contains("data-api=\"POST /v1/servers"));
}

#[tokio::test]
async fn evidence_has_its_value_its_limit_and_its_state() {
    let browser = administrator(common::busy());
    let page = browser.get(sites::CRITICAL).await.text;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not there"));
    assert!(at("91 °C, critically high (limit 85 °C)") < at("79.5 °C, high (limit 78 °C)"), "the worst first");
    assert!(at("79.5 °C, high") < at("data-group=\"temperature\""));
    assert!(at("data-group=\"temperature\"") < at("data-group=\"fan\""));
    assert!(page.contains("at least 700 rpm") && page.contains("3 °C to 78 °C"));
    assert!(page.contains("5 sensors say nothing now"));
    assert!(page.contains("Dell"), "the maker's name, not its number");
    let laboratory = browser.get(sites::LABORATORY).await.text;
    assert!(laboratory.contains("data-test=\"server-laboratory\""));
    assert!(browser.get(sites::NEW).await.text.contains("It was added a moment ago."));
    let name = browser.get("/servers/render-7").await.text;
    assert!(name.contains("91 °C, critically high"), "a name is an address too");
}

#[tokio::test]
async fn what_only_the_bmc_knows_is_asked_when_it_is_opened() {
    let browser = administrator(common::busy());
    let page = browser.get(sites::CRITICAL).await.text;
    assert!(
        page.contains(&format!("data-fragment=\"{}/log\"", sites::CRITICAL)) && !page.contains("data-test=\"log-row\"")
    );
    let log = browser.get(&format!("{}/log", sites::CRITICAL)).await.text;
    assert_eq!(named(&log, "log-row").len(), 5);
    assert!(log.find("91 °C, limit 85 °C") < log.find("80 °C, limit 78 °C"), "the newest first");
    assert!(log.contains("clock not set") && log.contains("– over"));
    let clear = named(&log, "log-clear").pop().expect("a button");
    assert!(value(&clear, "data-confirm-text").contains("5 entries are deleted"));
    let parts = browser.get(&format!("{}/parts", sites::CRITICAL)).await.text;
    assert!(
        parts.contains("main server chassis") && parts.contains("S421530X2A11872") && parts.contains("11 Apr 2023")
    );
    for (language, suffix) in [("en", "?lang=pseudo"), ("zh-Hant-TW", "")] {
        for part in ["log", "parts"] {
            let address = format!("{}/{part}{suffix}", sites::CRITICAL);
            let html = browser.clone().reading(language).get(&address).await.text;
            markup::walk(&address, &html, |_, _| {});
        }
    }
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer")));
    assert!(!viewer.get(&format!("{}/log", sites::CRITICAL)).await.text.contains("data-api="));
    let out = Browser::new(common::busy(), None).get(&format!("{}/log", sites::CRITICAL)).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "nothing for somebody unknown");
    let gone = browser.get("/servers/nope/log").await.text;
    assert!(gone.contains("data-test=\"fragment-refused\" data-code=\"not-found\""));
}

#[tokio::test]
async fn a_serial_console_is_for_those_who_may_and_says_what_it_will_say() {
    let address = format!("{}/console", sites::CRITICAL);
    let operator = Browser::new(common::busy(), Some(common::viewer("operator")));
    assert!(operator.get(sites::CRITICAL).await.text.contains(&format!("href=\"{address}\"")));
    let page = operator.get(&address).await.text;
    assert!(page.contains("data-server=\"0192a000-0000-7000-8000-120000000003\"") && page.contains("terminal.js"));
    assert!(page.contains("The BMC ended it: somebody else took it over"), "before it happens");
    let take = named(&page, "console-take").pop().expect("a button");
    assert!(take.iter().any(|(key, _)| key == "hidden") && value(&take, "data-text").contains("loses it at once"));
    assert!(page.contains("href=\"/help/server-console\"") && page.contains("data-test=\"console-break\""));
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer")));
    assert!(!viewer.get(sites::CRITICAL).await.text.contains("data-test=\"server-console\""));
    assert!(!viewer.get(&address).await.text.contains("data-test=\"terminal\""));
    let without = operator.get(&format!("{}/console", sites::WITHOUT)).await.text;
    assert!(!without.contains("data-test=\"terminal\"") && without.contains("has no BMC"));
    assert!(!operator.get(sites::WITHOUT).await.text.contains("data-test=\"server-console\""));
}

#[tokio::test]
async fn a_cap_is_shown_as_it_is_in_force_and_can_be_asked_for() {
    let browser = administrator(common::busy());
    let page = browser.get(sites::NODE).await.text;
    assert!(page.contains("data-test=\"server-cap\">350 W"), "in force");
    let field = named(&page, "field-cap").pop().expect("a field");
    assert_eq!((value(&field, "min"), value(&field, "max"), value(&field, "value")), ("150", "750", "350"));
    assert!(page.contains("This BMC takes 150 W to 750 W."));
    let form = named(&page, "cap-form").pop().expect("a form");
    assert_eq!(value(&form, "data-api"), format!("PATCH /v1{}", sites::NODE));
    let none = named(&page, "cap-none").pop().expect("a button");
    assert_eq!(value(&none, "data-body"), "{\"cap\":{\"watts\":null}}");
    let free = browser.get(sites::CRITICAL).await.text;
    assert!(free.contains("data-test=\"server-cap\">as much as it likes"));
    let laboratory = browser.get(sites::LABORATORY).await.text;
    assert!(laboratory.contains("data-test=\"cap-unsupported\"") && !laboratory.contains("data-test=\"cap-form\""));
    assert!(!laboratory.contains("data-test=\"server-cap\""));
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer"))).get(sites::NODE).await.text;
    assert!(viewer.contains("data-test=\"server-cap\"") && !viewer.contains("data-test=\"cap-form\""));
}

#[tokio::test]
async fn which_disk_is_it_has_a_button_each() {
    let address = format!("{}/drives", sites::CRITICAL);
    let browser = administrator(common::busy());
    assert!(browser.get(sites::CRITICAL).await.text.contains(&format!("data-fragment=\"{address}\"")));
    let html = browser.get(&address).await.text;
    assert_eq!(named(&html, "bmc-drive").len(), 3);
    let buttons = named(&html, "drive-light");
    let bodies: Vec<_> = buttons.iter().map(|button| value(button, "data-body").to_owned()).collect();
    assert_eq!(bodies.len(), 2, "one has no light");
    assert!(bodies[0].contains("Drives/0") && bodies[0].contains("false") && bodies[1].contains("true"), "{bodies:?}");
    assert_eq!(value(&buttons[0], "data-api"), format!("POST /v1{}/drive-light", sites::CRITICAL));
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer"))).get(&address).await.text;
    assert!(named(&viewer, "bmc-drive").len() == 3 && named(&viewer, "drive-light").is_empty());
    let without = browser.get(&format!("{}/drives", sites::NODE)).await.text;
    assert!(without.contains("data-code=\"bmc-cannot\""), "{without}");
}

#[tokio::test]
async fn versions_settings_and_media_are_asked_for_when_they_are_opened() {
    let browser = administrator(common::busy());
    let page = browser.get(sites::CRITICAL).await.text;
    let viewer = Browser::new(common::busy(), Some(common::viewer("viewer")));
    for part in ["firmware", "bios", "media"] {
        let address = format!("{}/{part}", sites::CRITICAL);
        assert!(page.contains(&format!("data-fragment=\"{address}\"")), "{part}");
        for (language, suffix) in [("en", "?lang=pseudo"), ("zh-Hant-TW", "")] {
            let address = format!("{address}{suffix}");
            let html = browser.clone().reading(language).get(&address).await.text;
            markup::walk(&address, &html, |_, _| {});
        }
        assert!(!viewer.get(&address).await.text.contains("data-api="), "{part}");
        let without = browser.get(&format!("{}/{part}", sites::NODE)).await.text;
        assert!(without.contains("data-code=\"bmc-cannot\""), "{part}: {without}");
    }
    let bios = browser.get(&format!("{}/bios", sites::CRITICAL)).await.text;
    assert!(bios.contains("BootMode") && bios.contains("After the next start") && bios.contains("LegacyBios"));
    let media = browser.get(&format!("{}/media", sites::CRITICAL)).await.text;
    let eject = named(&media, "medium-eject").pop().expect("a button");
    assert!(value(&eject, "data-body").contains("VirtualMedia/Cd"), "{media}");
    let form = named(&media, "medium-form").pop().expect("a form");
    assert_eq!(value(&form, "data-api"), format!("POST /v1{}/media/insert", sites::CRITICAL));
}

#[tokio::test]
async fn a_node_and_its_machine_lead_to_each_other() {
    let browser = administrator(common::busy());
    for address in ["/", "/hardware"] {
        assert!(browser.get(address).await.text.contains(&format!("href=\"{}\"", sites::NODE)), "{address}");
    }
    assert!(browser.get(sites::NODE).await.text.contains("href=\"/hardware\""));
}

#[tokio::test]
async fn what_a_bmc_wrote_does_not_turn_the_words_beside_it() {
    let browser = administrator(common::hostile());
    let addresses = [sites::CRITICAL, sites::NODE, "/servers"].map(str::to_owned);
    let parts = ["log", "parts"].map(|part| format!("{}/{part}", sites::CRITICAL));
    let mut seen = 0;
    for address in addresses.into_iter().chain(parts) {
        let html = browser.get(&address).await.text;
        // Of a page its own part; the tasks of the moment are others' words.
        let begin = html.find("<main").unwrap_or(0);
        let end = html.find("</main>").map_or(html.len(), |at| at + "</main>".len());
        markup::walk(&address, &html[begin..end], |text, isolated| {
            seen += usize::from(text.contains('\u{202e}'));
            assert!(isolated || !text.contains('\u{202e}'), "{address}: {text}");
        });
    }
    assert!(seen > 20, "the attack is there: {seen}");
    let page = browser.get("/servers").await.text;
    let start = page.find("/static/").expect("a style sheet");
    let style = page[start..].split('"').next().expect("an address").replace("logo.svg", "cake.css");
    assert!(browser.get(&style).await.text.contains("[translate=\"no\"] {\n  unicode-bidi: isolate;"));
}

#[tokio::test]
async fn what_a_sensor_measured_is_one_click_away_and_has_its_limits() {
    let browser = administrator(common::busy());
    let page = browser.get(sites::CRITICAL).await.text;
    // One question for all the small lines.
    assert_eq!(page.matches("data-sparks=").count(), 1);
    assert!(page.contains("data-spark=\"20.0.41\""), "beside each value");
    assert!(!page.contains("data-spark=\"20.0.50\""), "who says no number has none");
    let chart = browser.get(sites::HISTORY).await.text;
    let figure = named(&chart, "chart-sensor").pop().expect("a chart");
    assert_eq!((value(&figure, "data-unit"), value(&figure, "data-sign")), ("sensor", "rpm"));
    let limits = value(&figure, "data-limits").replace("&#34;", "\"").replace("&quot;", "\"");
    assert_eq!(limits, r#"[{"value":500,"tone":"bad"},{"value":700,"tone":"warn"}]"#);
    let section = named(&chart, "sensor-history").pop().expect("a section");
    let id = sites::CRITICAL.rsplit('/').next().expect("an id");
    assert_eq!(value(&section, "data-usage"), format!("/v1/servers/{id}/history?sensor=20.0.41"));
    for span in ["hour", "day", "month", "year"] {
        assert_eq!(named(&chart, &format!("span-{span}")).len(), 1);
    }
    let slow = browser.get("/servers/store-1").await.text;
    assert!(slow.contains("data-test=\"sensor-trend\"") && slow.contains("at its limit in about 5 days"));
    let draw = browser.get(&format!("{}/history", sites::NODE)).await.text;
    assert!(draw.contains("history?sensor=watts") && draw.contains("data-sign=\"W\""));
    let none = browser.get(&format!("{}/history?sensor=nope", sites::NODE)).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn energy_is_told_with_what_part_of_the_time_is_known() {
    let browser = administrator(common::busy());
    let page = browser.get("/servers").await.text;
    assert_eq!(named(&page, "energy-row").len(), 5, "those that say what they draw");
    // 312 W: half of 300 hours is known, and all of 720.
    assert!(page.contains("46.8 kWh") && page.contains("of 50 % of the time") && page.contains("225 kWh"));
    assert!(page.contains("TWD 200<") && page.contains("TWD 959<"), "at 4.27 a kilowatt-hour: {page}");
    assert!(page.contains("nothing is guessed") && page.contains("data-test=\"energy-all\""));
    assert!(page.contains("data-test=\"energy-vms\"") && page.contains("40 W"));
    let one = browser.get(sites::NODE).await.text;
    assert!(one.contains("46.8 kWh") && one.contains("TWD 200<") && one.contains("data-test=\"watts-history\""));
    let empty = administrator(common::empty()).get("/servers").await.text;
    assert!(!empty.contains("rack-energy"));
}

#[tokio::test]
async fn the_power_budget_says_how_the_rack_stands_to_it_and_can_be_set() {
    let free = administrator(common::busy()).get("/servers").await.text;
    assert!(free.contains("no power budget") && !free.contains("data-test=\"budget-none\""));
    let field = named(&free, "field-budget").pop().expect("a field");
    assert_eq!((value(&field, "min"), value(&field, "max"), value(&field, "value")), ("50", "1000000", ""));

    let browser = administrator(common::short_of_power(20_000));
    let page = browser.get("/servers").await.text;
    assert!(page.contains("of the 20000 W that the rack may draw") && page.contains("One server is held back"));
    assert!(page.contains("at 200 W, because only VMs of low priority run there"));
    assert!(page.contains("data-test=\"budget-silent\"") && !page.contains("data-test=\"budget-exceeded\""));
    assert_eq!(named(&page, "budget-held").len(), 1);
    let form = named(&page, "budget-form").pop().expect("a form");
    assert_eq!((value(&form, "data-api"), value(&form, "data-etag-from")), ("PATCH /v1/settings", "settings-etag"));
    assert!(page.contains("id=\"settings-etag\" data-etag=\"&#34;s-1&#34;\""), "what the form is sent with");
    let none = named(&page, "budget-none").pop().expect("a button");
    assert_eq!(value(&none, "data-body"), "{\"power_budget\":null}");

    // On the server's page whose limit is whose.
    let one = browser.get(sites::NODE).await.text;
    assert!(one.contains("The rack’s power budget holds it back at 200 W. Your own limit of 300 W stays as it is."));
    let field = named(&one, "field-cap").pop().expect("a field");
    assert_eq!(value(&field, "value"), "300", "the form is of the person’s own limit");

    let over = administrator(common::short_of_power(100)).get("/servers").await.text;
    assert!(over.contains("data-test=\"budget-exceeded\""));
    let viewer =
        Browser::new(common::short_of_power(20_000), Some(common::viewer("viewer"))).get("/servers").await.text;
    assert!(viewer.contains("data-test=\"budget-says\"") && !viewer.contains("data-test=\"budget-form\""));
}

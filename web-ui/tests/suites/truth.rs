//! What a page says is so, and what it offers is possible.

use super::browser::Browser;
use super::markup::{Piece, pieces};
use super::sites;
use crate::common::{self, Rack};
use cake_types::{ByteSize, Permission, Role, RoleName, Task, TaskEnd, TaskKind, TaskState};
use cake_web::VmView;
use std::sync::Arc;

fn administrator(rack: Rack) -> Browser {
    Browser::new(rack, Some(common::viewer("administrator")))
}

/// The elements of a name in order, each with its attributes.
fn elements(html: &str, wanted: &str) -> Vec<Vec<(String, String)>> {
    let open = pieces(html).into_iter().filter_map(|piece| match piece {
        Piece::Open { name, attributes, .. } if name == wanted => Some(attributes),
        _ => None,
    });
    open.collect()
}

fn has(attributes: &[(String, String)], key: &str, value: &str) -> bool {
    attributes.iter().any(|(known, said)| known == key && said == value)
}

/// What stands between a place of the page and the next end of an element.
fn part<'a>(html: &'a str, from: &str, to: &str) -> &'a str {
    let at = html.find(from).unwrap_or_else(|| panic!("no {from}"));
    &html[at..at + html[at..].find(to).unwrap_or_else(|| panic!("no {to} after {from}"))]
}

#[tokio::test]
async fn saving_the_settings_keeps_the_time_zone_whatever_it_is_called() {
    for zone in ["Etc/UTC", "UTC", "Asia/Taipei", "EST5EDT"] {
        let mut rack = common::busy();
        rack.settings.as_mut().expect("set up").settings.time_zone = zone.into();
        let page = administrator(rack).get("/settings").await.text;
        let select = part(&page, "data-test=\"field-zone\"", "</select>");
        assert_eq!(select.matches(" selected").count(), 1, "{zone}");
        assert!(select.contains(&format!("<option selected>{zone}</option>")), "{zone}");
    }
}

#[tokio::test]
async fn a_channel_is_changed_from_what_it_is_and_its_secret_stays_where_it_is() {
    let page = administrator(common::busy()).get("/settings").await.text;
    let forms = elements(&page, "form");
    let changes = |form: &&Vec<(String, String)>| {
        has(form, "data-etag", "\"g1\"")
            && form.iter().any(|(key, said)| key == "data-api" && said.starts_with("PATCH /v1/channels/"))
    };
    assert_eq!(forms.iter().filter(changes).count(), 2, "one for each channel");
    let inputs = elements(&page, "input");
    let hosts =
        inputs.iter().filter(|input| has(input, "name", "/mail/host") && has(input, "value", "mail.example.com"));
    assert_eq!(hosts.count(), 2, "as they are");
    for secret in inputs.iter().filter(|input| has(input, "type", "password")) {
        assert!(!secret.iter().any(|(key, _)| key == "value"), "{secret:?}");
    }
}

#[tokio::test]
async fn a_companys_own_role_can_be_given() {
    let mut rack = common::busy();
    rack.roles.push(Role { name: RoleName("night-shift".into()), permissions: vec![Permission::View] });
    let page = administrator(rack).get("/settings").await.text;
    let accounts = page.matches("<option value=\"night-shift\">night-shift</option>").count();
    assert_eq!(accounts, 3, "for a new account, and for the two that are not one's own");
}

/// Asked of the planner, as the API does.
#[tokio::test]
async fn a_task_that_cannot_be_cancelled_has_no_button_for_it() {
    for kind in TaskKind::ALL {
        let mut rack = common::busy();
        let task = Task { kind, ..(*rack.tasks[0]).clone() };
        let address = format!("/tasks/{}", task.id);
        rack.tasks = vec![Arc::new(task)];
        let browser = administrator(rack);
        for page in ["/tasks", &address] {
            let text = browser.get(page).await.text;
            let offered = text.contains("data-test=\"task-cancel\"");
            assert_eq!(offered, cake_planner::task::cancel(kind).is_some(), "{} on {page}", kind.as_str());
            assert!(!offered || text.contains("data-confirm-text"), "it says what happens then");
        }
        let start = browser.get("/tasks").await.text;
        assert_eq!(start.contains("switched off again"), kind == TaskKind::VmStart);
    }
}

#[tokio::test]
async fn a_size_that_does_not_fit_cannot_be_chosen_and_says_why() {
    let mut rack = common::busy();
    let node = Arc::make_mut(&mut rack.nodes[0]);
    let capacity = &mut node.status.as_mut().expect("a status").capacity;
    (capacity.cpus, capacity.memory) = (4, ByteSize::gib(6));
    Arc::make_mut(&mut rack.pools[0]).status.as_mut().expect("a status").free = ByteSize::gib(10);
    let page = administrator(rack).get("/vms/new").await.text;
    // The one of an image's machine is offered with such an image.
    let offered = |input: &Vec<_>| has(input, "name", "size") && !has(input, "value", "own");
    let sizes: Vec<_> = elements(&page, "input").into_iter().filter(offered).collect();
    let disabled: Vec<bool> = sizes.iter().map(|size| size.iter().any(|(key, _)| key == "disabled")).collect();
    assert_eq!(disabled, [false, true, true, true]);
    assert!(sizes[0].iter().any(|(key, _)| key == "checked"));
    let why = |id: &str| part(&page, &format!("data-test=\"size-{id}\""), "</label>").to_owned();
    assert!(!why("tiny").contains("only") && !why("tiny").contains("Only"));
    assert!(why("small").contains("Only 10 GiB of disk space"), "{}", why("small"));
    assert!(why("medium").contains("only 6 GiB of memory"), "{}", why("medium"));
    assert!(why("large").contains("only 4 processors"), "{}", why("large"));
}

#[tokio::test]
async fn a_vm_without_a_disk_is_not_said_to_have_one() {
    let rack = common::busy();
    let lost = {
        let mut vms = rack.vms.lock().expect("no panic held it");
        let lost = vms.iter().position(|view| view.vm.meta.name.as_str() == "old-intranet").expect("a VM that is lost");
        for at in [0, lost] {
            let mut view = VmView::clone(&vms[at]);
            view.vm.spec.disks.clear();
            vms[at] = Arc::new(view);
        }
        vms[lost].vm.meta.id
    };
    let browser = administrator(rack);
    let row = browser.get("/vms?q=web-1").await.text;
    assert!(part(&row, "<td class=\"c-disk number\">", "</td>").ends_with('–'));
    let page = browser.get(sites::VM).await.text;
    assert!(!page.contains("0 B"));
    // One that no server has is deleted for good.
    let page = browser.get(&format!("/vms/{lost}")).await.text;
    assert!(page.contains("data-confirm-text=\"The VM is removed from the server."), "no disk is mentioned");
    assert!(!page.contains("0 B"));
}

/// QEMU's own share is in what its process takes: that is no measure of how full the guest is.
#[tokio::test]
async fn the_memory_of_a_process_is_not_shown_as_the_guests_use() {
    let page = administrator(common::busy()).get(sites::VM).await.text;
    let memory = part(&page, "data-test=\"memory-taken\"", "</dd>");
    assert!(memory.contains("takes") && !memory.contains("class=\"bar"), "{memory}");
}

/// What a QEMU was replaced with costs is said before, and what it was afterwards.
#[tokio::test]
async fn a_vm_says_which_qemu_it_runs_in_and_whether_that_can_be_changed() {
    let browser = administrator(common::busy());
    let page = browser.get("/vms/0192a000-0000-7000-8000-010000000001").await.text;
    let engine = part(&page, "data-test=\"vm-engine\"", "</dd>");
    for said in ["10.0.13", "newer", "milliseconds", "/replace-engine"] {
        assert!(engine.contains(said), "{said}: {engine}");
    }
    let page = browser.get("/vms/0192a000-0000-7000-8000-010000000002").await.text;
    let engine = part(&page, "data-test=\"vm-engine\"", "</dd>");
    assert!(engine.contains("17 ms") && !engine.contains("/replace-engine"), "{engine}");
    let list = browser.get("/vms").await.text;
    assert!(list.contains("data-test=\"bulk-replace-engine\""));
    // One that is at it says how far it is, and is not offered once more.
    let page = browser.get("/vms/0192a000-0000-7000-8000-01000000000a").await.text;
    let engine = part(&page, "data-test=\"vm-engine\"", "</dd>");
    assert!(engine.contains("while it runs") && engine.contains("bar"), "{engine}");
    assert!(!engine.contains("/replace-engine"), "{engine}");
}

#[tokio::test]
async fn a_task_says_how_long_the_guest_stood_still() {
    let busy = common::busy();
    let over = busy.tasks.iter().find(|task| task.state() == TaskState::Done).expect("one");
    let end = over.end.clone().map(|end| TaskEnd { pause_us: Some(17_591), ..end });
    let task = Arc::new(Task { kind: TaskKind::VmReplaceEngine, end, ..(**over).clone() });
    let address = format!("/tasks/{}", task.id);
    let rack = Rack { tasks: vec![task], ..common::busy() };
    let page = administrator(rack).get(&address).await.text;
    assert!(part(&page, "data-test=\"task-pause\"", "</dd>").contains("17 ms"), "{page}");
}

#[tokio::test]
async fn a_task_says_what_it_did_and_only_a_running_one_that_it_goes_on() {
    let browser = administrator(common::busy());
    let page = |number: u32| format!("/tasks/0192a000-0000-7000-8000-07000000000{number}");
    let running = browser.get(&page(1)).await.text;
    assert!(running.contains("data-test=\"task-note\""));
    let done = browser.get(&page(4)).await.text;
    assert!(done.contains("Paused demo for customers.") && !done.contains("data-test=\"task-note\""));
    let asked = part(&done, "Asked at", "</dd>");
    assert_eq!(asked.matches(':').count(), 2, "to the second, as its end: {asked}");
    let list = browser.get("/tasks").await.text;
    assert!(list.contains("<p class=\"note\">The storage pool is full.</p>"), "the title is beside it already");
}

#[tokio::test]
async fn the_audit_record_speaks_in_sentences() {
    for (language, create, login) in [("en", "Create VM", "Log in"), ("zh-TW", "建立虛擬機器", "登入")] {
        let page = administrator(common::busy()).reading(language).get("/audit").await.text;
        assert!(page.contains(&format!("title=\"vm_create\" translate=\"no\">{create}</span>")), "{language}");
        assert!(page.contains(&format!("title=\"session_begin\" translate=\"no\">{login}</span>")), "{language}");
        assert!(page.contains("192.0.2.20"));
    }
}

#[tokio::test]
async fn every_long_list_can_be_searched_and_saved() {
    let browser = administrator(common::busy());
    for (list, q, shown, hidden) in [
        ("tasks", "web-2%20create", "Create web-2", "Create web-1<"),
        ("events", "crashed", "VM mail crashed", "web-10"),
        ("audit", "refused-nothing", "Nothing matches", "demo for customers"),
        ("audit", "demo", "demo for customers", "build.runner-a"),
        ("vms", "gateway", "gateway", ">mail<"),
    ] {
        let page = browser.get(&format!("/{list}?q={q}")).await.text;
        let main = part(&page, "<main", "</main>");
        assert!(main.contains(shown) && !main.contains(hidden), "{list} {q}");
        let decoded = page.replace("&#38;", "&");
        assert!(
            decoded.contains(&format!("href=\"/{list}.csv?q={q}\"")),
            "{list}: the file is the list as it is searched"
        );
        let file = browser.get(&format!("/{list}.csv?q={q}")).await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8", "{list}");
        assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{list}.csv\""));
        let all = browser.get(&format!("/{list}.csv")).await.text.lines().count();
        let found = file.text.lines().count();
        assert!(found >= 1 && found < all, "{list}: {found} of {all}");
        let columns = |line: &str| line.matches("\",\"").count();
        assert!(file.text.lines().all(|line| columns(line) == columns(file.text.lines().next().unwrap_or(""))));
    }
    let page = browser.get("/events?least=error&q=VM").await.text.replace("&#38;", "&");
    assert!(page.contains("href=\"/events?q=VM&least=warning\""), "a filter keeps the search");
    assert!(page.contains("<input type=\"hidden\" name=\"least\" value=\"error\">"), "and the search the filter");
}

#[tokio::test]
async fn an_event_of_another_day_shows_its_date() {
    let page = administrator(common::busy()).get("/events").await.text;
    assert!(page.contains("12 minutes ago<span class=\"event-clock\"> · "), "an age, and the time where no pointer is");
    assert!(!page.contains("day ago") && !page.contains("days ago"), "a day later the date says more");
}

#[tokio::test]
async fn an_empty_list_of_images_gives_the_command() {
    let mut rack = common::empty();
    rack.images.clear();
    let browser = administrator(rack);
    assert!(browser.get("/images").await.text.contains("data-test=\"images-command\">make images</pre>"));
    assert!(browser.get("/vms/new").await.text.contains("make images</pre>"));
}

#[tokio::test]
async fn the_description_of_the_api_is_found() {
    let browser = administrator(common::busy());
    for page in ["/help", "/settings", "/help/command-line"] {
        assert!(browser.get(page).await.text.contains("href=\"/v1/docs\""), "{page}");
    }
}

/// Whatever can be copied has a button that a keyboard reaches.
#[tokio::test]
async fn what_can_be_copied_has_a_button() {
    for (page, html) in sites::all("en", "").await {
        for piece in pieces(&html) {
            let Piece::Open { name, attributes, .. } = piece else { continue };
            let copies = attributes.iter().any(|(key, _)| key == "data-copy" || key == "data-copy-from");
            assert!(!copies || name == "button", "{page}: <{name}> copies");
        }
    }
}

/// Two Chinese sentences follow each other without a space; the one between English sentences is a word of the catalogue.
#[tokio::test]
async fn no_space_follows_a_chinese_full_stop() {
    let pages = sites::all("zh-TW", "").await;
    for (page, html) in pages {
        for stop in ["。 ", "。\n<a", "： <", "， "] {
            let at = html.find(stop).map(|at| html[..at].chars().rev().take(30).collect::<String>());
            assert!(at.is_none(), "{page}: {stop:?} after {:?}", at.map(|text| text.chars().rev().collect::<String>()));
        }
    }
}

/// Every disk, and for each what can be done with it now: nothing that would be refused.
#[tokio::test]
async fn every_disk_is_listed_with_what_can_be_done_with_it() {
    let text = Browser::new(common::busy(), Some(common::viewer("administrator"))).get("/disks").await.text;
    let row = |name: &str| {
        let rows = text.split("data-test=\"volume\"").skip(1);
        let row = rows.map(|row| row.split("</li>").next().unwrap_or_default().to_owned());
        let own = row.into_iter().find(|row| row.contains(&format!(">{name}</span></h2>")));
        own.unwrap_or_else(|| panic!("no disk {name}: {text}"))
    };
    for (name, state, offered, refused) in [
        (
            "photos",
            "free",
            &["volume-attach", "volume-grow-form", "volume-download", "volume-delete"][..],
            &["detach"][..],
        ),
        ("books", "attached", &["volume-detach", "/vms/"], &["volume-attach\"", "volume-delete", "volume-download"]),
        ("mail", "leaving", &["/vms/"], &["detach\"", "volume-attach\"", "volume-delete", "volume-download"]),
        ("too-large", "failed", &["volume-delete", "no-space"], &["volume-attach\"", "volume-download"]),
    ] {
        let row = row(name);
        assert!(row.contains(&format!("data-state=\"{state}\"")), "{name}: {row}");
        for word in offered {
            assert!(row.contains(word), "{name} without {word}: {row}");
        }
        for word in refused {
            assert!(!row.contains(&format!("data-test=\"{word}")), "{name} with {word}: {row}");
        }
    }
    assert!(text.matches("data-test=\"own-disk\"").count() > 10, "those of VMs too");
    let text = Browser::new(common::busy(), Some(common::viewer("viewer"))).get("/disks").await.text;
    assert!(
        text.contains("data-test=\"volume\"") && !text.contains("data-api=\"POST /v1/volumes"),
        "a viewer only looks"
    );
}

/// Of a disk that wears out soon there is a date, on its own page and in the alert; of the others there is none.
#[tokio::test]
async fn when_a_disk_is_worn_out_stands_beside_how_worn_it_is() {
    for (language, verdict, date, told) in [
        ("en", "Wears out soon", "about ", "the rest is gone in about "),
        ("zh-Hant-TW", "即將磨損殆盡", "照最近兩週的磨損速度", "天後就會用盡"),
    ] {
        let browser = administrator(common::busy());
        let page = browser.get(&format!("/hardware?lang={language}")).await.text;
        let cards = page.split("data-test=\"server-disk\"").skip(1);
        let with: Vec<&str> = cards.filter(|card| card.contains("data-test=\"disk-worn-out\"")).collect();
        assert!(with.len() == 1 && with[0].contains("KIOXIA KXG60ZNV512G"), "{page}");
        assert!(
            with[0].contains(verdict) && part(with[0], "data-test=\"disk-worn-out\"", "</dd>").contains(date),
            "{page}"
        );
        let alerts = browser.get(&format!("/alerts?lang={language}")).await.text;
        let alert = part(&alerts, "data-kind=\"disk-wearing\"", "</li>");
        assert!(
            alert.contains(told) && alert.contains("href=\"/hardware\"") && alert.contains("server-disks"),
            "{alert}"
        );
    }
}

//! The console in a real browser: from the one-time token to a VM that is typed into and survives, and every page looked at
//! for words, width, keyboard and screen reader.

use anyhow::{Context, Result, bail, ensure};
use cake_client::wire::{ChannelChange, MailChange, NewVm, SyslogChange};
use cake_client::{Client, VmAction};
use cake_tests::{ADMIN, Browser, Instance, PASSWORD, Terminal, Viewport, test_id, workspace};
use cake_types::ByteSize;
use serde_json::json;
use std::path::PathBuf;

/// What the terminal of the page shows, as it stands on the screen.
const SCREEN: &str = "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join('\\n').replaceAll('\\u00a0', ' ')";
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const SPACE: &str = " ";

/// The box around a radio button is what a person clicks.
fn choice(name: &str) -> String {
    format!("label:has([data-test=\"{name}\"])")
}

/// Types into the guest and waits until it says the answer.
async fn converse(browser: &Browser, line: &str, answer: &str) -> Result<()> {
    browser.press(&format!("{line}{ENTER}")).await?;
    browser.until(&format!("{SCREEN}.includes({})", json!(answer))).await
}

async fn connected(browser: &Browser) -> Result<()> {
    browser.until("document.querySelector('[data-test=\"console-state\"]')?.dataset.state === 'connected'").await
}

/// The wizard, as a newcomer answers it.
async fn wizard(browser: &Browser, instance: &Instance) -> Result<()> {
    // From somewhere else: an address that differs only behind the `#` would not be loaded again.
    browser.goto("about:blank").await?;
    browser.goto(&format!("{}/setup#token={}", instance.url(), instance.setup_token()?)).await?;
    browser.until("document.querySelector('[data-step=\"language\"]:not([hidden])') !== null").await?;
    browser.click(&test_id("setup-next")).await?;
    browser.fill(&test_id("setup-admin-name"), ADMIN).await?;
    browser.fill(&test_id("setup-admin-password"), PASSWORD).await?;
    browser.fill(&test_id("setup-admin-again"), PASSWORD).await?;
    browser.click(&test_id("setup-next")).await?;
    browser.fill(&test_id("setup-name"), "Taipei").await?;
    for step in ["zone", "pool", "review"] {
        browser.click(&test_id("setup-next")).await?;
        browser.until(&format!("document.querySelector('[data-step=\"{step}\"]:not([hidden])') !== null")).await?;
    }
    browser.click(&test_id("setup-next")).await?;
    browser.until("document.querySelector('[data-test=\"recovery-key\"]')?.textContent.length > 20").await?;
    browser.until("document.querySelector('[data-step=\"done\"]:not([hidden])') !== null").await?;
    browser.click(&test_id("recovery-kept")).await?;
    browser.click(&test_id("setup-first-vm")).await?;
    browser.until("location.pathname === '/vms/new'").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_gets_from_the_token_to_a_vm_that_survives() -> Result<()> {
    let mut instance = Instance::start()?;
    let browser = Browser::start("en-US,en").await?;
    // The door leads to the wizard, whatever was asked for.
    browser.goto(&format!("{}/vms", instance.url())).await?;
    ensure!(browser.place().await?.starts_with("/setup"), "{}", browser.place().await?);
    wizard(&browser, &instance).await?;

    // Four questions.
    browser.click(&choice("image-cake-tiny")).await?;
    browser.click(&choice("network-none")).await?;
    browser.fill(&test_id("field-memory"), "256 MiB").await?;
    browser.fill(&test_id("field-name"), "first").await?;
    picture(&browser, "new-vm", "en").await?;
    browser.click(&test_id("create")).await?;
    // It appears at once, moves, and ends running, without a reload.
    browser.until("/^\\/vms\\/[0-9a-f-]{36}$/.test(location.pathname)").await?;
    browser.until("document.querySelector('#vm-head [data-state=\"running\"]') !== null").await?;
    browser.click(&test_id("vm-console")).await?;
    connected(&browser).await?;
    browser.click(&test_id("tab-serial")).await?;
    browser.until("document.getElementById('terminal') !== null").await?;
    connected(&browser).await?;
    converse(&browser, "", "# ").await?;
    converse(&browser, "echo come ba''ck", "come back").await?;
    picture(&browser, "console", "en").await?;

    let client = instance.administrator().await?;
    let before = client.vm("first").await?;
    instance.crash()?;
    // The page finds its way back by itself, and the guest never noticed.
    browser.until("document.querySelector('[data-test=\"console-state\"]').dataset.state !== 'connected'").await?;
    connected(&browser).await?;
    browser.click(".xterm-screen").await?;
    converse(&browser, "echo still the''re", "still there").await?;
    let after = client.vm("first").await?;
    ensure!(after.pid == before.pid && after.state == "running", "the same QEMU: {}", after.json);

    // A reload shows what was kept.
    browser.page().refresh().await?;
    connected(&browser).await?;
    browser.until(&format!("{SCREEN}.includes('still there')")).await?;

    // The other language, and it stays.
    browser.goto(&format!("{}/vms", instance.url())).await?;
    browser.click(&test_id("language-zh-Hant-TW")).await?;
    browser.until_text("虛擬機器").await?;
    browser.until_text("執行中").await?;
    browser.goto(&format!("{}/", instance.url())).await?;
    ensure!(browser.eval("document.documentElement.lang").await? == "zh-Hant-TW");
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "the page's own console complains: {complaints:?}");
    browser.close().await
}

/// Types a line into the guest's screen and waits until the guest's serial port has its effect.
async fn type_on_screen(browser: &Browser, serial: &mut Terminal, line: &str, effect: &str) -> Result<()> {
    browser.click("#screen canvas").await?;
    browser.press(&format!("{line} >/dev/ttyS0{ENTER}")).await?;
    serial.expect(effect).await
}

const IN_CONTROL: &str = "document.getElementById('screen-control').dataset.control === 'yours'";

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_typed_into_shared_and_survives() -> Result<()> {
    let (mut instance, client) = Instance::ready().await?;
    let vm = instance.tiny(&client, "seen").await?;
    let mut serial = Terminal::open(&client, "seen").await?;
    serial.shell().await?;
    let browser = Browser::start("en-US,en").await?;
    log_in(&browser, &instance).await?;
    // Small on the VM's page, large behind it.
    browser.goto(&format!("{}/vms/{}", instance.url(), vm.id)).await?;
    browser.until("document.getElementById('thumbnail').hidden === false").await?;
    picture(&browser, "vm-thumbnail", "en").await?;
    browser.click(&test_id("thumbnail")).await?;
    connected(&browser).await?;
    browser.until(IN_CONTROL).await?;
    type_on_screen(&browser, &mut serial, "echo $((6 * 7))-typed", "42-typed").await?;
    picture(&browser, "screen", "en").await?;

    // A text that is typed key by key.
    browser.click(&test_id("screen-paste")).await?;
    browser
        .fill(&test_id("paste-text"), "echo 'Pasted: ~!@#$%^&*()_+{}|:<>?'; echo $((6 * 8))-pasted >/dev/ttyS0\n")
        .await?;
    browser.click(&test_id("paste-type")).await?;
    serial.expect("48-pasted").await?;

    // Somebody else takes control, and it is taken back.
    let mut other = client.screen("seen").await?;
    other.take_control().await?;
    browser.until("document.getElementById('screen-control').dataset.control === 'other'").await?;
    ensure!(browser.eval("document.querySelector('[data-test=\"screen-cad\"]').disabled").await? == true);
    picture(&browser, "screen-other", "en").await?;
    browser.click(&test_id("screen-take")).await?;
    browser.until(IN_CONTROL).await?;
    drop(other);

    browser.page().refresh().await?;
    connected(&browser).await?;
    browser.until(IN_CONTROL).await?;
    type_on_screen(&browser, &mut serial, "echo $((6 * 9))-again", "54-again").await?;

    // Without a reload it finds its way back after both daemons were killed.
    let before = client.vm("seen").await?;
    instance.crash()?;
    browser.until("document.querySelector('[data-test=\"console-state\"]').dataset.state !== 'connected'").await?;
    connected(&browser).await?;
    browser.until(IN_CONTROL).await?;
    let mut serial = Terminal::open(&client, "seen").await?;
    type_on_screen(&browser, &mut serial, "echo $((6 * 11))-after", "66-after").await?;
    ensure!(client.vm("seen").await?.pid == before.pid, "the same QEMU");

    // The keyboard is given back, and the screen says when the VM is off.
    browser.press("\u{e009}\u{e00a}g\u{e000}").await?;
    browser.until("document.activeElement.closest('.console-line') !== null").await?;
    browser.click(&test_id("screen-fit")).await?;
    browser.until("document.getElementById('screen').dataset.scale === 'full'").await?;
    client.act("seen", VmAction::Stop).await?;
    browser.until("document.querySelector('[data-test=\"console-state\"]').dataset.state === 'off'").await?;
    // A machine whose kernel is started directly says why it has none.
    let direct = instance.pvh(&client, "direct", false).await?;
    browser.goto(&format!("{}/vms/{}/screen", instance.url(), direct.id)).await?;
    browser.until_text("This VM has no screen.").await?;
    picture(&browser, "no-screen", "en").await?;
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "the page's own console complains: {complaints:?}");
    browser.close().await
}

/// What the slider of a chart says.
fn said(chart: &str) -> String {
    format!("document.querySelector('[data-test=\"{chart}\"] .plot').getAttribute('aria-valuetext')")
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_are_drawn_said_and_walked_along() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let vm = instance.tiny(&client, "seen").await?;
    let browser = Browser::start("en-US,en").await?;
    log_in(&browser, &instance).await?;
    // Two measurements make the first rate; the page is told of them by itself.
    browser.until("document.querySelector('[data-test=\"chart-cpu\"] canvas') !== null").await?;
    browser.until(&format!("/programs: \\d.* % now, .* at most; kernel: /.test({})", said("chart-cpu"))).await?;
    browser.until(&format!("/used: .* GiB now/.test({})", said("chart-memory"))).await?;
    picture(&browser, "usage-overview", "en").await?;
    // With the keyboard to the newest point, and back.
    tab_to(&browser, "[data-test=\"chart-memory\"] .plot").await?;
    browser.press("\u{e010}").await?;
    browser.until(&format!("/^\\d+ [A-Z][a-z]{{2}}.*\\d:\\d\\d; used /.test({})", said("chart-memory"))).await?;
    browser.press("\u{e00c}").await?;
    browser.until(&format!("/ on average/.test({})", said("chart-memory"))).await?;
    // In numbers.
    browser.click("[data-test=\"chart-memory\"] summary").await?;
    browser.until("document.querySelectorAll('[data-test=\"chart-memory\"] td').length >= 3").await?;
    // A day has a point already: what is being gathered.
    browser.click(&test_id("span-day")).await?;
    browser.until("document.querySelector('[data-test=\"span-day\"]').getAttribute('aria-pressed') === 'true'").await?;
    browser.until(&format!("/used: .* at most/.test({})", said("chart-memory"))).await?;

    browser.goto(&format!("{}/vms/{}", instance.url(), vm.id)).await?;
    browser.until(&format!("/taken on the server: .* MiB now/.test({})", said("chart-memory"))).await?;
    browser.until_text("The network of this VM is not counted").await?;
    picture(&browser, "usage-vm", "en").await?;
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "the page's own console complains: {complaints:?}");
    browser.close().await
}

/// Something to look at: a page, and what is done on it first.
struct Sight {
    name: &'static str,
    path: String,
    /// JavaScript.
    first: String,
}

impl Sight {
    fn of(name: &'static str, path: impl Into<String>) -> Self {
        Self { name, path: path.into(), first: String::new() }
    }

    /// The same page once a person has done something on it.
    fn after(self, first: impl Into<String>) -> Self {
        Self { first: first.into(), ..self }
    }

    /// As after a click.
    fn click(self, element: &str) -> Self {
        self.after(format!("document.querySelector({}).click()", json!(test_id(element))))
    }
}

/// The wizard, stopped at each of its steps. Nothing is sent: what follows the last answer is shown with a key of our own.
fn wizard_steps() -> Vec<Sight> {
    const NAMES: [&str; 6] = ["setup", "setup-administrator", "setup-name", "setup-zone", "setup-pool", "setup-review"];
    let to = |step: usize| {
        format!(
            "for (let step = 0; step < {step}; step += 1) {{
                 for (const id of ['admin-password', 'admin-again']) document.getElementById(id).value = 'correct horse battery';
                 document.getElementById('cloud-name').value = 'Taipei';
                 document.getElementById('token').value = 'a token';
                 document.querySelector('[data-next]').click();
             }}"
        )
    };
    let done =
        "for (const step of document.querySelectorAll('[data-step]')) step.hidden = step.dataset.step !== 'done';
        document.getElementById('recovery-key').textContent = 'AGE-SECRET-KEY-1'.padEnd(74, 'QPZRY9X8GF');";
    let steps = NAMES.into_iter().enumerate().map(|(step, name)| Sight::of(name, "/setup").after(to(step)));
    steps.chain([Sight::of("setup-done", "/setup").after(done)]).collect()
}

/// A VM that can't start: where its disk should be there is a folder, so that no disk can be made there either.
async fn failed_vm(instance: &Instance, client: &Client) -> Result<String> {
    let new = NewVm {
        name: "broken".into(),
        image: "cake-tiny".into(),
        cpus: 1,
        memory: ByteSize::mib(256),
        start: Some(false),
        ..NewVm::default()
    };
    let vm = instance.create(client, &new).await?;
    let pools = client.pools().await?;
    let folder = pools.items[0].path.clone().context("a pool has a path")?;
    let own = |path: &PathBuf| path.to_string_lossy().contains(&vm.id.to_string());
    for disk in
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).filter_map(Result::ok).filter(own)
    {
        std::fs::remove_file(&disk)?;
        std::fs::create_dir(&disk)?;
    }
    let task = client.act(&vm.id.to_string(), VmAction::Start).await?;
    let ended = client.wait_task(task.id, |_| {}).await?;
    ensure!(ended.state == "failed", "a VM that can have no disk fails: {}", ended.json);
    Ok(vm.id.to_string())
}

/// Every page that an administrator can reach, once a VM and its task and events are there; and what opens on them.
async fn pages(client: &Client, vm: &str, broken: &str) -> Result<Vec<Sight>> {
    let tasks = client.tasks(Some(1)).await?;
    let task = tasks.items.first().context("a task")?.id;
    let vm = format!("/vms/{vm}");
    // The machine that cake runs on is called as its node.
    let node = client.nodes().await?.items.into_iter().next().context("a node")?.name;
    let machine = format!("/servers/{node}");
    let open = |element: &str| format!("document.querySelector({}).open = true", json!(test_id(element)));
    Ok(vec![
        Sight::of("overview", "/"),
        Sight::of("vms", "/vms"),
        Sight::of("vms-chosen", "/vms").click("select-all"),
        Sight::of("vms-wrong", "/vms?q=state%3Aruning"),
        Sight::of("search", "/search"),
        Sight::of("search-found", "/search?q=web%20OR%20broken"),
        Sight::of("search-wrong", "/search?q=memory%3Elots"),
        Sight::of("new-vm", "/vms/new"),
        Sight::of("new-vm-more", "/vms/new").after(open("more")),
        Sight::of("vm", &*vm),
        Sight::of("vm-hardware", &*vm).after(open("hardware")),
        Sight::of("vm-delete", &*vm).click("vm-delete"),
        Sight::of("vm-numbers", &*vm)
            .after("for (const numbers of document.querySelectorAll('.numbers')) numbers.open = true"),
        Sight::of("vm-failed", format!("/vms/{broken}")),
        Sight::of("keys", "/vms").after("document.getElementById('keys').showModal()"),
        Sight::of("console", format!("{vm}/console")),
        Sight::of("screen", format!("{vm}/screen")),
        Sight::of("images", "/images"),
        Sight::of("images-upload", "/images").after("document.getElementById('upload-box').open = true"),
        Sight::of("images-stick", "/images").after(
            "document.getElementById('upload-box').open = true; document.querySelector('[value=stick]').click()",
        ),
        Sight::of("disks", "/disks"),
        Sight::of("bin", "/bin"),
        Sight::of("hardware", "/hardware"),
        Sight::of("servers", "/servers"),
        Sight::of("servers-add", "/servers")
            .after("for (const more of document.querySelectorAll('[data-test=server-add], [data-test=server-add] details')) more.open = true"),
        Sight::of("server", &*machine),
        Sight::of("server-change", &*machine)
            .after("for (const more of document.querySelectorAll('details.change')) more.open = true"),
        Sight::of("tasks", "/tasks"),
        Sight::of("task", format!("/tasks/{task}")),
        Sight::of("alerts", "/alerts"),
        Sight::of("week", "/week"),
        Sight::of("events", "/events"),
        Sight::of("events-found", "/events?q=nothing-like-this"),
        Sight::of("audit", "/audit"),
        Sight::of("settings", "/settings"),
        Sight::of("settings-certificate", "/settings")
            .after("for (const more of document.querySelectorAll('[data-test=certificate] details')) more.open = true"),
        Sight::of("settings-network", "/settings")
            .after("document.querySelector('[data-test=announcement-change]').open = true"),
        Sight::of("settings-ups", "/settings")
            .after("for (const more of document.querySelectorAll('[data-test=ups-card] details')) more.open = true"),
        Sight::of("settings-channels", "/settings")
            .after("for (const more of document.querySelectorAll('[data-test=channels] details')) more.open = true"),
        Sight::of("settings-host", "/settings")
            .after("document.querySelector('[data-test=host-card]').scrollIntoView()"),
        Sight::of("account", "/account"),
        Sight::of("help", "/help"),
        Sight::of("help-page", "/help/console"),
        Sight::of("not-found", "/nothing-here"),
    ])
}

/// Pictures for people: of this run, and those that the README shows when `CAKE_PICTURES` says where they go.
async fn picture(browser: &Browser, name: &str, language: &str) -> Result<()> {
    let place = std::env::var_os("CAKE_PICTURES").map_or_else(|| workspace().join("target/screenshots"), PathBuf::from);
    browser.picture(&place.join(format!("{name}-{language}.png"))).await
}

async fn log_in(browser: &Browser, instance: &Instance) -> Result<()> {
    browser.goto(&format!("{}/login", instance.url())).await?;
    browser.log_in().await
}

/// The page does not scroll sideways, and nothing sticks out of it that a thumb could not reach.
/// What has the focus must be seen (WCAG 2.2, 2.4.11).
const BENEATH_THE_BAR: &str = "(() => {
    const bar = document.querySelector('.side')?.getBoundingClientRect();
    const lies_beneath = (element) => {
        element.focus();
        const { top, bottom } = element.getBoundingClientRect();
        return document.activeElement === element && bottom > bar.top + 1 && top > 0;
    };
    const all = bar ? document.querySelectorAll('main :is(a[href], button, input, select, summary)') : [];
    return [...all].filter(lies_beneath).map((element) => element.outerHTML.slice(0, 120));
})()";
const TOO_WIDE: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_fits_a_phone_and_has_no_word_outside_the_catalogue() -> Result<()> {
    let mut instance = Instance::start_with(&[("CAKE_PSEUDO_LANGUAGE", "1")])?;
    let browser = Browser::start("en-US,en").await?;
    browser.goto(&format!("{}/setup", instance.url())).await?;
    let mut faults = faults_of(&browser, &instance, &wizard_steps()).await?;
    instance.answer_wizard().await?;
    let client = instance.administrator().await?;
    faults
        .extend(faults_of(&browser, &instance, &[Sight::of("login", "/login"), Sight::of("let-in", "/let-in")]).await?);
    log_in(&browser, &instance).await?;
    let empty = [Sight::of("vms-empty", "/vms"), Sight::of("tasks-empty", "/tasks")];
    faults.extend(faults_of(&browser, &instance, &empty).await?);
    let broken = failed_vm(&instance, &client).await?;
    let vm = instance.tiny(&client, "web").await?;
    told_of_alerts(&client).await?;
    instance.pvh(&client, "會計 主機", false).await?;
    faults.extend(faults_of(&browser, &instance, &pages(&client, &vm.id.to_string(), &broken).await?).await?);
    let complaints = browser.complaints().await?;
    faults.extend(complaints.into_iter().map(|line| format!("the page's own console: {line}")));
    // Nobody behind the page: it says so and comes back.
    browser.goto(&format!("{}/vms?lang=en", instance.url())).await?;
    instance.kill_caked();
    browser.until("document.getElementById('offline').hidden === false").await?;
    instance.start_caked()?;
    browser.until("document.getElementById('offline').hidden === true").await?;
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    browser.close().await
}

/// Channels as a page can show them. Nothing is sent: nobody has these names.
async fn told_of_alerts(client: &Client) -> Result<()> {
    let mail = MailChange {
        host: "mail.example.com".into(),
        from: "cake@example.com".into(),
        to: vec!["it@example.com".into(), "boss@example.com".into()],
        ..MailChange::default()
    };
    let mail = ChannelChange { name: Some("資訊室".into()), mail: Some(mail), ..ChannelChange::default() };
    let syslog = SyslogChange { host: "logs.example.com".into(), ..SyslogChange::default() };
    let syslog =
        ChannelChange { name: Some("logs".into()), on: Some(false), syslog: Some(syslog), ..ChannelChange::default() };
    for new in [mail, syslog] {
        client.create_channel(&new).await?;
    }
    Ok(())
}

/// Loads a page in a language and does what a person would do on it first.
async fn see(browser: &Browser, instance: &Instance, sight: &Sight, language: &str) -> Result<()> {
    let joint = if sight.path.contains('?') { '&' } else { '?' };
    browser.goto(&format!("{}{}{joint}lang={language}", instance.url(), sight.path)).await?;
    if !sight.first.is_empty() {
        // Deferred scripts have run once the page is loaded, which `goto` waits for.
        browser
            .page()
            .execute(&sight.first, vec![])
            .await
            .with_context(|| format!("{}: {}", sight.name, sight.first))?;
    }
    Ok(())
}

async fn faults_of(browser: &Browser, instance: &Instance, sights: &[Sight]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for sight in sights {
        let name = sight.name;
        for language in ["en", "zh-Hant-TW"] {
            browser.resize(Viewport::DESK).await?;
            browser.prefer("light").await?;
            see(browser, instance, sight, language).await?;
            let lang = browser.eval("document.documentElement.lang").await?;
            if lang != language {
                faults.push(format!("{name}: asked for {language}, is {lang}"));
            }
            picture(browser, name, language).await?;
            browser.resize(Viewport::PHONE).await?;
            let wide = browser.eval(TOO_WIDE).await?;
            if wide.as_i64() != Some(0) {
                faults.push(format!("{name} in {language}: {wide} px too wide at 390 px"));
            }
            picture(browser, &format!("{name}-phone"), language).await?;
            let beneath = browser.eval(BENEATH_THE_BAR).await?;
            if beneath != serde_json::json!([]) {
                faults.push(format!("{name} in {language}: focused beneath the phone's bar: {beneath}"));
            }
        }
        // One language is enough for roles and colours; both themes are not.
        browser.resize(Viewport::DESK).await?;
        for theme in ["light", "dark"] {
            browser.prefer(theme).await?;
            faults.extend(browser.accessibility().await?.into_iter().map(|fault| format!("{name}, {theme}: {fault}")));
            if theme == "dark" {
                picture(browser, &format!("{name}-dark"), "zh-Hant-TW").await?;
            }
        }
        // The manual is written in each language; it has no pseudo-language.
        if !name.starts_with("help") {
            see(browser, instance, sight, "pseudo").await?;
            faults.extend(
                plain_words(browser).await?.into_iter().map(|word| format!("{name}: {word:?} is in no catalogue")),
            );
        }
    }
    Ok(faults)
}

/// Texts in plain letters on a page whose every word should wear accents.
async fn plain_words(browser: &Browser) -> Result<Vec<String>> {
    let script = "(() => {
        const out = [];
        // Times, paths and the names of programs are the same in every language.
        const rest = (text) => text.replace(/\\b\\d{1,2} [A-Z][a-z]{2} \\d{4}\\b|\\/\\S+|\\bcake-node\\b/g, '');
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const parent = node.parentElement;
            if (parent.closest('[translate=\"no\"], code, pre, kbd, script, style, noscript, template')) continue;
            for (const word of rest(node.textContent).match(/\\b[A-Za-z]{3,}\\b/g) ?? []) out.push(word + ' in ' + node.textContent.trim());
        }
        for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')) {
            if (element.closest('[translate=\"no\"]')) continue;
            for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
                const text = rest(element.getAttribute(name) ?? '');
                if (/\\b[A-Za-z]{3,}\\b/.test(text)) out.push(text);
            }
        }
        return [...new Set(out)];
    })()";
    // Words of the field that are the same in every language, and the data of this test.
    const SAME: [&str; 22] = [
        "vCPU", "vCPUs", "MiB", "GiB", "KiB", "BIOS", "UEFI", "CSV", "NAT", "SSH", "QEMU", "KVM", "TCG", "API", "UTC",
        "web", "broken", "admin", "cake", "Linux", "tiny", "local",
    ];
    let found = browser.eval(script).await?;
    let texts = found.as_array().cloned().unwrap_or_default();
    let plain = texts.iter().filter_map(|text| text.as_str()).filter(|text| {
        let word = text.split(" in ").next().unwrap_or(text);
        word.split(|c: char| !c.is_alphanumeric()).any(|word| {
            word.len() > 2 && word.is_ascii() && word.chars().all(char::is_alphabetic) && !SAME.contains(&word)
        })
    });
    Ok(plain.map(str::to_owned).collect())
}

/// Presses Tab until the focus is on an element; so many times at most.
async fn tab_to(browser: &Browser, selector: &str) -> Result<()> {
    for _ in 0..80 {
        let there = browser.eval(&format!("document.activeElement?.matches({}) === true", json!(selector))).await?;
        if there == true {
            let shown = browser
                .eval("(() => { const style = getComputedStyle(document.activeElement); const box = document.activeElement.closest('label')?.querySelector('.choice-box'); const around = box ? getComputedStyle(box) : style; return style.outlineStyle !== 'none' || around.outlineStyle !== 'none' || around.boxShadow !== 'none'; })()")
                .await?;
            ensure!(shown == true, "the focus on {selector} can't be seen");
            return Ok(());
        }
        browser.press(TAB).await?;
    }
    bail!("{selector} is not reached with the Tab key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_is_made_with_the_keyboard_alone() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let browser = Browser::start("zh-TW,zh").await?;
    browser.goto(&format!("{}/login", instance.url())).await?;
    ensure!(browser.eval("document.documentElement.lang").await? == "zh-Hant-TW", "the browser's own language");
    tab_to(&browser, &test_id("field-name")).await?;
    browser.press(ADMIN).await?;
    tab_to(&browser, &test_id("field-password")).await?;
    browser.press(&format!("{PASSWORD}{ENTER}")).await?;
    browser.until("location.pathname === '/'").await?;
    // Into the content at once, past the navigation.
    browser.press(TAB).await?;
    ensure!(
        browser.eval("document.activeElement.matches('a.skip')").await? == true,
        "the first stop skips to the content"
    );
    browser.goto(&format!("{}/vms", instance.url())).await?;
    // `n` for new, as `?` says.
    browser.press("n").await?;
    browser.until("location.pathname === '/vms/new'").await?;
    tab_to(&browser, "[name=\"/image\"]").await?;
    for _ in 0..8 {
        let chosen = browser.eval("document.querySelector('[name=\"/image\"]:checked')?.value").await?;
        if chosen == "cake-pvh" {
            break;
        }
        browser.press("\u{e015}").await?;
    }
    ensure!(browser.eval("document.querySelector('[name=\"/image\"]:checked')?.value").await? == "cake-pvh");
    tab_to(&browser, &test_id("field-name")).await?;
    browser.press("\u{e009}a\u{e000}").await?;
    browser.press("鍵盤").await?;
    tab_to(&browser, &test_id("create")).await?;
    browser.press(SPACE).await?;
    browser.until("/^\\/vms\\/[0-9a-f-]{36}$/.test(location.pathname)").await?;
    browser.until("document.querySelector('#vm-head [data-state=\"running\"]') !== null").await?;
    ensure!(client.vm("鍵盤").await?.state == "running");
    // And off again: the dialog has the focus, and gives it back.
    tab_to(&browser, &test_id("vm-stop")).await?;
    browser.press(ENTER).await?;
    browser.until("document.getElementById('confirm').open").await?;
    tab_to(&browser, &test_id("confirm-yes")).await?;
    browser.press(ENTER).await?;
    browser.until("document.querySelector('#vm-head [data-state=\"stopped\"]') !== null").await?;
    browser.close().await
}

/// A key without a user is not dropped: the user is called as the command calls it. What is wrong is said at the field.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_typed_reaches_the_guest_and_what_is_copied_is_said() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let browser = Browser::start("en-US,en").await?;
    log_in(&browser, &instance).await?;
    browser.goto(&format!("{}/vms/new", instance.url())).await?;
    browser.click(&choice("image-cake-tiny")).await?;
    browser.fill(&test_id("field-memory"), "256 MiB").await?;
    browser.fill(&test_id("field-name"), "keyed").await?;
    browser.page().execute("document.querySelector('[data-test=\"more\"]').open = true", vec![]).await?;
    browser.fill(&test_id("field-ssh-keys"), "no-key").await?;
    browser.click(&test_id("create")).await?;
    browser
        .until("document.querySelector('.field:has([data-test=\"field-ssh-keys\"]) [data-test=\"mistake\"]') !== null")
        .await?;
    ensure!(client.vms().await?.items.is_empty(), "nothing was made of it");
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJnYmFzZTY0Zm9yYW5lZDI1NTE5a2V5dGhhdGlz mei@laptop";
    browser.fill(&test_id("field-ssh-keys"), KEY).await?;
    let users = browser.eval("cake.collect(document.getElementById('new-vm')).cloud_init.users").await?;
    ensure!(users == json!([{ "name": "cake", "ssh_keys": [KEY], "administrator": true }]), "{users}");
    browser.click(&test_id("create")).await?;
    browser.until("/^\\/vms\\/[0-9a-f-]{36}$/.test(location.pathname)").await?;
    browser.until("document.querySelector('#vm-head [data-state=\"running\"]') !== null").await?;

    // The id is copied with a button, and that it was is written where it is seen.
    browser.click("[data-test=\"hardware\"] > summary").await?;
    browser.click("[data-test=\"hardware\"] [data-test=\"copy\"]").await?;
    browser.until("document.querySelector('#say.said')?.textContent.length > 3").await?;
    let seen = browser.eval("document.getElementById('say').getBoundingClientRect().height > 10").await?;
    ensure!(seen == true, "a note that nobody sees");

    // Searching goes on while one types, and the file follows.
    browser.goto(&format!("{}/events", instance.url())).await?;
    browser.click("#q").await?;
    browser.press("keyed created").await?;
    browser.until("location.search === '?q=keyed+created'").await?;
    browser.until("document.querySelectorAll('[data-test=\"event\"]').length === 1").await?;
    browser.until("document.querySelector('[data-test=\"csv\"]').search.startsWith('?q=keyed')").await?;
    browser.close().await
}

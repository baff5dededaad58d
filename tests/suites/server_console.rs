//! A server's serial console, from the BMC's packets to the terminal: the whole house, and a BMC that is a program.

use anyhow::{Context, Result, bail, ensure};
use cake_bmc::lan::{Console, Hub, Login, Pace};
use cake_bmc::rmcp::Secret;
use cake_bmc_sim::{Description, Sim};
use cake_client::{Client, ConsoleNews, Error, ServerConsole, ServerConsoleReader, ServerConsoleWriter};
use cake_tests::{ADMIN, Browser, Cake, DEADLINE, Instance, test_id};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

const USER: &str = "admin";
const PASSWORD: &str = "laboratory";

/// A BMC and the serial port behind it: it says `login: `, then what it is told in capitals, and what a test says.
struct Bmc {
    sim: Sim,
    say: mpsc::UnboundedSender<Vec<u8>>,
    _folder: tempfile::TempDir,
}

impl Bmc {
    async fn start(has_console: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("serial");
        let listener = UnixListener::bind(&path)?;
        let serial = if has_console { format!("serial = \"unix:{}\"\n", path.display()) } else { String::new() };
        let text = format!("{serial}[[users]]\nid = 2\nname = \"{USER}\"\npassword = \"{PASSWORD}\"\nprivilege = 4\n");
        let sim = Sim::start(Description::parse(&text)?).await?;
        let (say, said) = mpsc::unbounded_channel();
        tokio::spawn(port(listener, said));
        Ok(Self { sim, say, _folder: folder })
    }

    async fn add(&self, client: &Client, name: &str, access: &str) -> Result<()> {
        let address = self.sim.address();
        let bmc = json!({ "host": address.ip().to_string(), "port": address.port(), "user": USER,
            "password": PASSWORD, "access": access });
        let added = client.add_server(&json!({ "name": name, "bmc": bmc })).await?;
        client.server_heard(&added.id.to_string()).await?;
        Ok(())
    }

    fn state(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.sim.control("state").map_err(anyhow::Error::msg)?)?)
    }

    /// Somebody who does not look through cake.
    async fn other(&self) -> Result<Result<Console, cake_bmc::BmcError>> {
        let hub = Hub::new(vec![UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?])?;
        let password = Secret::new(PASSWORD.as_bytes()).context("at most 20 bytes")?;
        let login = Login::new(USER.as_bytes(), password, None).context("at most 16 bytes")?;
        let session = Arc::new(hub.session(self.sim.address(), login, Pace::default())?);
        Ok(Console::open(session).await)
    }
}

async fn port(listener: UnixListener, mut said: mpsc::UnboundedReceiver<Vec<u8>>) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"login: ").await?;
        let mut typed = [0; 4096];
        loop {
            tokio::select! {
                count = stream.read(&mut typed) => match count? {
                    0 => break,
                    count => stream.write_all(&typed[..count].to_ascii_uppercase()).await?,
                },
                bytes = said.recv() => match bytes {
                    Some(bytes) => stream.write_all(&bytes).await?,
                    None => return Ok(()),
                },
            }
        }
    }
}

struct Line {
    reader: ServerConsoleReader,
    writer: ServerConsoleWriter,
    seen: Vec<u8>,
    lookers: Vec<String>,
    ended: Option<String>,
}

impl Line {
    fn of(console: ServerConsole) -> Self {
        let (reader, writer) = console.split();
        Self { reader, writer, seen: Vec::new(), lookers: Vec::new(), ended: None }
    }

    async fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while !so(self) {
            let Ok(news) = timeout_at(deadline, self.reader.next()).await else {
                bail!("{what}: {:?}", String::from_utf8_lossy(&self.seen[self.seen.len().saturating_sub(200)..]))
            };
            match news?.with_context(|| format!("it ended before {what}: {:?}", self.ended))? {
                ConsoleNews::Characters(bytes) => self.seen.extend(bytes),
                ConsoleNews::Lookers(names) => self.lookers = names,
                ConsoleNews::Ended(why) => self.ended = Some(why),
                ConsoleNews::Unknown => bail!("unknown news"),
            }
        }
        Ok(())
    }

    async fn expect(&mut self, text: &str) -> Result<()> {
        let wanted = text.as_bytes().to_vec();
        self.until(text, move |line| line.seen.windows(wanted.len()).any(|window| window == wanted)).await
    }
}

fn code<T>(result: Result<T, Error>) -> Result<String> {
    match result {
        Err(Error::Remote(remote)) => Ok(remote.code.clone()),
        Err(other) => bail!("{other}"),
        Ok(_) => bail!("it was given"),
    }
}

/// The command, logged in.
async fn cake(instance: &Instance) -> Result<Cake> {
    let cake = instance.cake();
    let login = ["login", "--user", ADMIN, "--password-stdin"];
    let said = cake.run_with(&login, format!("{}\n", cake_tests::PASSWORD).as_bytes()).await?;
    ensure!(said.code == 0, "{said:?}");
    Ok(cake)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_own_words_reach_the_terminal_and_what_is_typed_the_server() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let bmc = Bmc::start(true).await?;
    bmc.add(&client, "m1", "ipmi").await?;
    let mut first = Line::of(client.server_console("m1", false).await?);
    first.expect("login: ").await?;
    first.writer.send(b"root\r").await?;
    first.expect("ROOT\r").await?;
    first.writer.send_break().await?;
    first.writer.send(b"after it\r").await?;
    first.expect("AFTER IT\r").await?;
    ensure!(bmc.state()?["breaks"] == 1, "{}", bmc.state()?);

    // Another one joins: what was said before comes first, and both type into the same line. A paste is not cut.
    let mut second = Line::of(client.server_console("m1", false).await?);
    second.expect("AFTER IT\r").await?;
    first.until("two look", |line| line.lookers.len() == 2).await?;
    let paste = "all of this is one line and none of it gets lost ".repeat(700);
    second.writer.send(paste.as_bytes()).await?;
    first.expect(&paste.to_ascii_uppercase()).await?;

    // Much more than a boot says, while one does not read at all: the other gets all of it, in its order.
    let lines: String = (0..30_000).map(|number| format!("[{number:>9}] kernel: something\r\n")).collect();
    bmc.say.send(lines.clone().into_bytes())?;
    let began = Instant::now();
    let from = first.seen.len();
    first.until("all lines", |line| line.seen.ends_with(b"[    29999] kernel: something\r\n")).await?;
    let per_second = lines.len() as f64 / began.elapsed().as_secs_f64();
    println!("serial over LAN: {per_second:.0} characters per second");
    ensure!(first.seen[from..] == *lines.as_bytes(), "nothing is lost, and nothing twice");
    ensure!(per_second > 11_520.0, "a line of 115200 baud is kept up with: {per_second}");
    ensure!(client.server("m1").await?.problem.is_none(), "the readings went on");

    // The BMC ends it, and says so.
    bmc.sim.control("console end").map_err(anyhow::Error::msg)?;
    first.until("the end", |line| line.ended.is_some()).await?;
    ensure!(first.ended.as_deref() == Some("bmc"), "{:?}", first.ended);
    drop((first, second));

    // The command, with its input from a pipe: it stays until the server has been quiet for a moment.
    let said = cake(&instance).await?.run_with(&["server", "console", "m1"], b"who am i\r").await?;
    ensure!(said.code == 0 && said.out.contains("WHO AM I"), "{said:?}");
    // Nobody looks any more: the BMC has its console back, and others may have it.
    let given_back = async {
        loop {
            match bmc.other().await? {
                Ok(console) => return anyhow::Ok(console),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    };
    let mut other = timeout(DEADLINE, given_back).await??;
    ensure!(code(client.server_console("m1", false).await)? == "console-held");
    let mut taken = Line::of(client.server_console("m1", true).await?);
    taken.writer.send(b"mine\r").await?;
    taken.expect("MINE").await?;
    while other.read().await.is_some() {}
    ensure!(other.was_ended_by_bmc(), "who had it is told");

    // A server that is forgotten is not looked at.
    client.remove_server(&client.server("m1").await?).await?;
    taken.until("the end", |line| line.ended.is_some()).await?;
    ensure!(taken.ended.as_deref() == Some("changed"), "{:?}", taken.ended);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_console_is_said() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let bmc = Bmc::start(false).await?;
    bmc.add(&client, "off", "ipmi").await?;
    ensure!(code(client.server_console("off", false).await)? == "console-off");
    let silent = Bmc::start(true).await?;
    silent.add(&client, "silent", "ipmi").await?;
    silent.sim.control("fault silent on").map_err(anyhow::Error::msg)?;
    ensure!(code(client.server_console("silent", false).await)? == "bmc-unheard");
    silent.sim.control("fault none").map_err(anyhow::Error::msg)?;
    silent.sim.control("fault full on").map_err(anyhow::Error::msg)?;
    ensure!(code(client.server_console("silent", false).await)? == "bmc-unheard");
    let redfish = Bmc::start(true).await?;
    redfish.add(&client, "redfish", "redfish").await?;
    ensure!(code(client.server_console("redfish", false).await)? == "console-redfish-only");
    let said = cake(&instance).await?.run(&["server", "console", "redfish"]).await?;
    ensure!(said.code != 0 && said.err.contains("speaks Redfish only"), "{said:?}");
    Ok(())
}

/// In a real browser: typed, read, broken off by the BMC, held by another, taken over.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_the_servers_terminal() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let bmc = Bmc::start(true).await?;
    bmc.add(&client, "m1", "ipmi").await?;
    let browser = Browser::start("en").await?;
    browser.goto(&format!("{}/login?lang=en", instance.url())).await?;
    browser.log_in().await?;
    browser.goto(&format!("{}/servers/m1?lang=en", instance.url())).await?;
    browser.click(&test_id("server-console")).await?;
    let state =
        |state: &str| format!("document.querySelector('[data-test=\"console-state\"]')?.dataset.state === '{state}'");
    let shows = |text: &str| format!("document.querySelector('.xterm-rows')?.textContent.includes('{text}')");
    browser.until(&state("connected")).await?;
    browser.until(&shows("login:")).await?;
    browser.press("root").await?;
    browser.until(&shows("ROOT")).await?;
    browser.click(&test_id("console-break")).await?;
    let began = Instant::now();
    while bmc.state()?["breaks"] != 1 {
        ensure!(began.elapsed() < DEADLINE, "no break came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Who else looks is said.
    let second = client.server_console("m1", false).await?;
    browser.until("document.getElementById('console-lookers')?.hidden === false").await?;
    drop(second);

    bmc.sim.control("console end").map_err(anyhow::Error::msg)?;
    browser.until(&state("ended")).await?;
    browser.until_text("The BMC ended it").await?;
    let mut other = bmc.other().await??;
    browser.click(&test_id("console-again")).await?;
    browser.until(&state("refused")).await?;
    browser.until_text("gives its serial console to one at a time").await?;
    browser.click(&test_id("console-take")).await?;
    browser.click("#confirm-yes").await?;
    browser.until(&state("connected")).await?;
    while other.read().await.is_some() {}
    let complaints = browser.complaints().await?;
    // What was refused is in the browser's own log too.
    ensure!(complaints.iter().all(|complaint| complaint.contains("409")), "{complaints:?}");
    browser.close().await
}

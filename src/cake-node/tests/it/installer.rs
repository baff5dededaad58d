//! An installation that the wizard asked for: begun once, found again by a node that was killed, called off.

use crate::support::{LIMIT, NodeProcess};
use anyhow::{Context, Result, bail, ensure};
use cake_node_api::install::{InstallAnswer, InstallAsk};
use cake_node_api::{ClientError, NodeClient, NodeError};
use cake_types::{
    ByteSize, InstallChoice, InstallDisks, InstallJudged, InstallLayout, InstallOrder, InstallPhase, InstallPlan,
    InstallRefusal, InstallState, InstallWhy, Language, OperationId, SetupAdministrator, SetupAnswers, SetupPool,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// A node of a server with a stick in it, and what plays the programs of that.
struct Server {
    node: NodeProcess,
    client: NodeClient,
}

impl Server {
    async fn new() -> Result<Self> {
        let node = NodeProcess::start()?;
        let client = node.client().await?;
        let refused = client.install(InstallAsk::State).await;
        ensure!(matches!(refused, Err(ClientError::Refused(NodeError::NotInstaller))), "{refused:?}");
        let script = node.installer();
        fs::create_dir_all(node.run())?;
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/installer.sh"), &script)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        fs::write(node.run().join("installer"), "")?;
        let server = Self { node, client };
        let plan = InstallPlan { disks: Vec::new(), pools: Vec::new(), tpm: true, warnings: Vec::new(), steps: 16 };
        server.says("judged.json", &InstallJudged::Plan(plan))?;
        Ok(server)
    }

    fn says(&self, name: &str, what: &impl serde::Serialize) -> Result<()> {
        Ok(fs::write(self.file(name), serde_json::to_vec(what)?)?)
    }

    /// Beside the programs.
    fn file(&self, name: &str) -> PathBuf {
        self.node.installer().with_file_name(name)
    }

    /// How often the installer ran.
    fn runs(&self) -> usize {
        fs::read_to_string(self.file("runs")).unwrap_or_default().lines().count()
    }

    async fn again(&mut self) -> Result<()> {
        self.node.kill()?;
        self.node.serve()?;
        self.client = self.node.client().await?;
        Ok(())
    }

    async fn ask(&self, ask: InstallAsk) -> Result<InstallAnswer> {
        Ok(self.client.install(ask).await?)
    }

    async fn start(&self, order: &InstallOrder) -> Result<InstallAnswer> {
        self.ask(InstallAsk::Start { order: Box::new(order.clone()) }).await
    }

    async fn until(&self, good: impl Fn(&InstallState) -> bool) -> Result<InstallState> {
        let waited = tokio::time::timeout(LIMIT, async {
            loop {
                let InstallAnswer::State(state) = self.ask(InstallAsk::State).await? else { bail!("no state") };
                if good(&state) {
                    return Ok(state);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited.await.context("it never came so far")?
    }
}

fn order() -> Result<InstallOrder> {
    let name = "admin".parse()?;
    let administrator = SetupAdministrator { name, password: None, password_argon2id: Some("$argon2id$x".into()) };
    let (language, zone) = (Language::English, "Etc/UTC".to_owned());
    let answers = SetupAnswers {
        language,
        name: "rack".parse()?,
        time_zone: zone,
        administrator,
        pool: SetupPool::default(),
        more_pools: Vec::new(),
        servers: Vec::new(),
    };
    let (pool_disks, pool_layout, erase) = (Vec::new(), InstallLayout::Mirrored, Vec::new());
    let choice = InstallChoice { disks: vec!["S1".into()], pool_disks, pool_layout, erase };
    Ok(InstallOrder { operation: OperationId::now(), answers, choice, network: None })
}

#[tokio::test]
async fn an_installation_is_begun_once_and_outlives_its_node() -> Result<()> {
    let mut server = Server::new().await?;
    let (first, second) = (order()?, order()?);
    ensure!(server.start(&first).await? == InstallAnswer::Accepted);
    server.until(|state| state.number == 3).await?;
    let kept = server.node.run().join("asked");
    for (path, mode) in [(kept.clone(), 0o700), (kept.join("order.json"), 0o600), (kept.join("news"), 0o600)] {
        ensure!(fs::metadata(&path)?.permissions().mode() & 0o777 == mode, "{}", path.display());
    }
    for _ in 0..2 {
        server.again().await?;
        let state = server.until(|state| state.phase == InstallPhase::Running).await?;
        ensure!(state.number == 3 && state.cancellable && state.operation == Some(first.operation), "{state:?}");
        ensure!(server.start(&first).await? == InstallAnswer::Accepted, "the same order is the same installation");
        ensure!(matches!(server.start(&second).await?, InstallAnswer::Busy(_)));
        ensure!(matches!(server.ask(InstallAsk::Disks).await?, InstallAnswer::Busy(_)));
    }
    ensure!(matches!(server.ask(InstallAsk::Restart).await?, InstallAnswer::NotNow(_)), "nothing is installed yet");
    fs::write(server.file("go"), "")?;
    let done = server.until(|state| state.phase != InstallPhase::Running).await?;
    ensure!(done.phase == InstallPhase::Done && done.recovery_key.is_some_and(|key| key.0 == "cbdefghi"));
    server.again().await?;
    ensure!(matches!(server.start(&second).await?, InstallAnswer::AlreadyDone(_)));
    ensure!(server.start(&first).await? == InstallAnswer::Accepted);
    ensure!(matches!(server.ask(InstallAsk::Cancel).await?, InstallAnswer::NotNow(_)));
    ensure!(server.runs() == 1, "it ran {} times", server.runs());
    Ok(())
}

#[tokio::test]
async fn it_is_called_off_and_given_again() -> Result<()> {
    let server = Server::new().await?;
    ensure!(matches!(server.ask(InstallAsk::Cancel).await?, InstallAnswer::NotNow(_)));
    server.start(&order()?).await?;
    server.until(|state| state.number == 3).await?;
    ensure!(server.ask(InstallAsk::Cancel).await? == InstallAnswer::Accepted);
    let state = server.until(|state| state.phase != InstallPhase::Running).await?;
    ensure!(state.phase == InstallPhase::Cancelled && !state.cancellable, "{state:?}");
    fs::write(server.file("go"), "")?;
    ensure!(server.start(&order()?).await? == InstallAnswer::Accepted);
    server.until(|state| state.phase == InstallPhase::Done).await?;
    ensure!(server.runs() == 2);
    Ok(())
}

#[tokio::test]
async fn what_is_against_a_choice_is_told_and_nothing_begins() -> Result<()> {
    let server = Server::new().await?;
    ensure!(server.ask(InstallAsk::Disks).await? == InstallAnswer::NoMedium);
    let none = InstallDisks { disks: Vec::new(), least_system: ByteSize::gib(8), least_pool: ByteSize::gib(2) };
    server.says("disks.json", &none)?;
    ensure!(server.ask(InstallAsk::Disks).await? == InstallAnswer::Disks(none));
    let why = InstallWhy::HasData;
    let refusals = vec![InstallRefusal { serial: "S1".into(), why, places: Vec::new(), size: None, least: None }];
    server.says("judged.json", &InstallJudged::Refused(refusals.clone()))?;
    ensure!(server.start(&order()?).await? == InstallAnswer::Refused(refusals));
    fs::write(server.file("judged.json"), "{")?;
    ensure!(matches!(
        server.client.install(InstallAsk::Start { order: Box::new(order()?) }).await,
        Err(ClientError::Refused(_))
    ));
    let InstallAnswer::State(state) = server.ask(InstallAsk::State).await? else { bail!("no state") };
    ensure!(state == InstallState::default() && server.runs() == 0, "{state:?}");
    Ok(())
}

//! Installing cake from the wizard of a server that was started from a stick: caked judges the answers, the node judges the disks and
//! does the rest.
//!
//! Nothing of it is in the Store, which is in memory as all of this system is. Who asks again after a crash is told by the node how it
//! stands; it installs once, whoever was killed in between.

use cake_node_api::install::{InstallAnswer, InstallAsk};
use cake_node_api::{ClientError, NodeError};
use cake_planner::{installation, setup_servers};
use cake_store::Txn;
use cake_types::{
    Code, InstallChoice, InstallDisks, InstallJudged, InstallOrder, InstallPhase, InstallRefusal, InstallState,
    OperationId, Problem, SetupAnswers,
};
use std::path::PathBuf;
use std::sync::Arc;

use crate::accounts::Accounts;
use crate::caller::{Caller, Keep};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::settings::setup_problem;

pub struct Installation {
    ledger: Arc<Ledger>,
    accounts: Arc<Accounts>,
    nodes: Arc<Nodes>,
    /// There while this server runs from a stick, or from the network.
    mark: Option<PathBuf>,
}

impl Installation {
    pub fn new(ledger: Arc<Ledger>, accounts: Arc<Accounts>, nodes: Arc<Nodes>, mark: Option<PathBuf>) -> Self {
        Self { ledger, accounts, nodes, mark }
    }

    /// This server runs from a stick: what it is told is forgotten when it is switched off.
    pub fn is_installer(&self) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.exists())
    }

    /// Nobody sets up a cloud in a memory that forgets it.
    pub fn must_keep(&self) -> Result<(), Problem> {
        if self.is_installer() { Err(Problem::new(Code::InstallerOnly)) } else { Ok(()) }
    }

    /// Every disk of this server, and what is proposed.
    pub async fn disks(&self) -> Result<(InstallDisks, InstallChoice), Problem> {
        match self.ask(InstallAsk::Disks).await? {
            InstallAnswer::Disks(found) => {
                let proposal = installation::proposal(&found.disks);
                Ok((found, proposal))
            }
            other => Err(refused(other)),
        }
    }

    /// What a choice would come to. Nothing is touched.
    pub async fn plan(&self, choice: InstallChoice) -> Result<InstallJudged, Problem> {
        installation::check(&choice)?;
        match self.ask(InstallAsk::Plan { choice }).await? {
            InstallAnswer::Judged(judged) => Ok(judged),
            other => Err(refused(other)),
        }
    }

    /// Begins to install. Passwords become hashes here, so that nobody below ever has them.
    pub async fn start(
        &self,
        caller: &Caller,
        mut answers: SetupAnswers,
        choice: InstallChoice,
        keep: &Keep<InstallState>,
    ) -> Result<InstallState, Problem> {
        self.must_install()?;
        answers.check().map_err(|error| setup_problem(&error))?;
        setup_servers::check(&answers.servers)?;
        installation::check(&choice)?;
        let hash = self.accounts.hash_of(&answers.administrator).await?;
        (answers.administrator.password, answers.administrator.password_argon2id) = (None, Some(hash));
        let order = InstallOrder { operation: OperationId::now(), answers, choice, network: None };
        match self.ask(InstallAsk::Start { order: Box::new(order) }).await? {
            InstallAnswer::Accepted => {}
            other => return Err(refused(other)),
        }
        let state = self.state().await?;
        self.audited(caller, keep.write(Txn::new(), &state, self.ledger.now())).await?;
        Ok(state)
    }

    pub async fn state(&self) -> Result<InstallState, Problem> {
        match self.ask(InstallAsk::State).await? {
            InstallAnswer::State(state) => Ok(state),
            other => Err(refused(other)),
        }
    }

    /// Calls it off, where that can still be done. It ends soon after; its state says so.
    pub async fn cancel(&self, caller: &Caller) -> Result<InstallState, Problem> {
        match self.ask(InstallAsk::Cancel).await? {
            InstallAnswer::Accepted => {}
            other => return Err(refused(other)),
        }
        self.audited(caller, Txn::new()).await?;
        self.state().await
    }

    /// Starts this server anew, from the disks that cake is on now.
    pub async fn restart(&self, caller: &Caller) -> Result<(), Problem> {
        self.must_install()?;
        // Before this program is ended, too.
        self.audited(caller, Txn::new()).await?;
        match self.ask(InstallAsk::Restart).await? {
            InstallAnswer::Accepted => Ok(()),
            other => Err(refused(other)),
        }
    }

    fn must_install(&self) -> Result<(), Problem> {
        if self.is_installer() { Ok(()) } else { Err(Problem::new(Code::NotInstaller)) }
    }

    async fn ask(&self, ask: InstallAsk) -> Result<InstallAnswer, Problem> {
        self.must_install()?;
        let node = self.nodes.require()?;
        node.client.install(ask).await.map_err(|failure| match failure {
            ClientError::Refused(NodeError::NotInstaller) => Problem::new(Code::NotInstaller),
            ClientError::Refused(NodeError::Internal { detail } | NodeError::Invalid { detail }) => {
                Problem::new(Code::InstallFailed).with("detail", detail)
            }
            other => error::node(other),
        })
    }

    async fn audited(&self, caller: &Caller, txn: Txn) -> Result<(), Problem> {
        self.ledger.commit(txn, self.ledger.audit(caller, None)).await
    }
}

/// Why it is not done.
fn refused(answer: InstallAnswer) -> Problem {
    match answer {
        InstallAnswer::Refused(refusals) => refusals.first().map_or_else(|| Problem::new(Code::Internal), against),
        InstallAnswer::Busy(_) => Problem::new(Code::InstallRunning),
        InstallAnswer::AlreadyDone(_) => Problem::new(Code::InstallDone),
        InstallAnswer::NotNow(InstallState { phase: InstallPhase::Running, .. }) => Problem::new(Code::InstallTooLate),
        InstallAnswer::NotNow(InstallState { phase: InstallPhase::Done, .. }) => Problem::new(Code::InstallDone),
        InstallAnswer::NotNow(_) => Problem::new(Code::InstallNone),
        InstallAnswer::NoMedium => Problem::new(Code::InstallMedium),
        InstallAnswer::Disks(_) | InstallAnswer::Judged(_) | InstallAnswer::State(_) | InstallAnswer::Accepted => {
            Problem::new(Code::NodeUnreachable)
        }
    }
}

fn against(refusal: &InstallRefusal) -> Problem {
    let reason = format!("install-{}", refusal.why.as_str());
    Problem::new(Code::InstallRefused).with("serial", &refusal.serial).with("reason", reason).at("/install/disks")
}

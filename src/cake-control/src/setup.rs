//! The wizard's end: everything in one transaction, so that nothing is ever half set up.
//!
//! + settings with the recovery key's public half  + the key of backups, derived from it  + roles  + administrator  + pool  + servers  − the one-time token

use cake_planner::event::Happened;
use cake_planner::setup_servers;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    Actor, Code, EventKind, Generation, Meta, OsRng, Pool, PoolId, PoolSpec, Problem, ProjectName, RoleName, SecretKey,
    Server, SetupAnswers, SetupPool, SetupServer, Severity, Stamp, Subject, SystemSettings, built_in_roles,
};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::accounts::Accounts;
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::record::{self, Stored};
use crate::secret;
use crate::settings::{Settings, Versioned, setup_problem};
use crate::{error, keys, random, servers};

/// Holds the one-time token, readable by caked's own user only, until set-up is done.
pub const TOKEN_FILE: &str = "setup-token";
/// Holds the recovery key that the installer made for the disks, readable by caked's own user only, until set-up is done: one key for all.
pub const RECOVERY_FILE: &str = "recovery-key";

pub struct Setup {
    ledger: Arc<Ledger>,
    accounts: Arc<Accounts>,
    settings: Arc<Settings>,
    nodes: Arc<Nodes>,
    state: PathBuf,
    one_at_a_time: Mutex<()>,
}

/// Shown once and kept by the person: whoever has it can read every secret.
pub struct RecoveryKey(pub Zeroizing<String>);

#[derive(Debug, thiserror::Error)]
pub enum SetupFileError {
    #[error("{path} can't be used")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Record(#[from] record::RecordError),
    #[error(transparent)]
    Store(#[from] cake_store::StoreError),
}

impl Setup {
    pub fn new(
        ledger: Arc<Ledger>,
        accounts: Arc<Accounts>,
        settings: Arc<Settings>,
        nodes: Arc<Nodes>,
        state: PathBuf,
    ) -> Self {
        Self { ledger, accounts, settings, nodes, state, one_at_a_time: Mutex::new(()) }
    }

    /// Makes the one-time token at the first start; finds it at every other until set-up is done.
    pub async fn prepare(&self) -> Result<(), SetupFileError> {
        let path = self.state.join(TOKEN_FILE);
        if self.settings.is_set_up() {
            return remove(&path);
        }
        let known = record::get::<String>(&*self.ledger.store, &keys::setup()).await?;
        let token = read_token(&self.state).ok();
        if let (Some(known), Some(token)) = (&known, &token)
            && known.value == random::digest(token)
        {
            return Ok(());
        }
        let token = Zeroizing::new(random::secret());
        write_secret(&path, token.as_bytes())?;
        self.ledger.store.put_if(&keys::setup(), record::encode(&random::digest(&token)), Expect::Any).await?;
        Ok(())
    }

    /// Is it the token of this rack? Wrong ones are counted against their address.
    pub async fn check_token(&self, caller: &Caller, token: &str) -> Result<(), Problem> {
        self.accounts.may_try(caller)?;
        let known = record::get::<String>(&*self.ledger.store, &keys::setup()).await.map_err(error::record)?;
        let Some(known) = known else {
            return Err(Problem::new(Code::AlreadySetUp));
        };
        if bool::from(known.value.as_bytes().ct_eq(random::digest(token).as_bytes())) {
            return Ok(());
        }
        self.accounts.wrong_token(caller).await?;
        Err(Problem::new(Code::WrongToken))
    }

    /// Takes the answers. The recovery key is in the answer and nowhere else.
    pub async fn answer(
        &self,
        caller: &Caller,
        answers: SetupAnswers,
        keep: &Keep<RecoveryKey>,
    ) -> Result<RecoveryKey, Problem> {
        let _one = self.one_at_a_time.lock().await;
        if self.settings.is_set_up() {
            return Err(Problem::new(Code::AlreadySetUp));
        }
        answers.check().map_err(|error| setup_problem(&error))?;
        setup_servers::check(&answers.servers)?;
        let SetupAnswers { language, name, time_zone, administrator, pool, more_pools, servers } = answers;
        let hash = self.accounts.hash_of(&administrator).await?;
        let now = self.ledger.now();
        let recovery = self.recovery();
        let settings = SystemSettings {
            name,
            language,
            time_zone,
            set_up_at: now,
            recovery_key: recovery.public(),
            bin_days: cake_types::bin_days(),
            quiet: false,
            power_budget: None,
            local_name: None,
            names: Vec::new(),
            energy_price: None,
        };
        let settings = Versioned { generation: Generation::FIRST, settings };
        let role = RoleName("administrator".into());
        let account = self.accounts.new_account(administrator.name, role, hash, None);
        let pools = self.pools(pool, more_pools).await?;
        let servers = self.servers(&servers, &recovery)?;
        let key = RecoveryKey(recovery.spoken());
        let (mut txn, _) = crate::accounts::insertion(&account);
        for role in built_in_roles() {
            txn = txn.put(keys::role(&role.name), record::encode(&role));
        }
        let txn = txn
            .guard(keys::settings(), Expect::Absent)
            .put(keys::settings(), record::encode(&settings))
            .put(keys::backup_key(), record::encode(&crate::backup::backup_key(&recovery)))
            .delete(keys::setup());
        let txn = pools.iter().fold(txn, |txn, pool| txn.put(keys::pool(pool.meta.id), record::encode(pool)));
        let txn = servers.iter().fold(txn, crate::servers::insertion);
        self.commit(keep.write(txn, &key, now), caller, settings, account, pools, servers).await?;
        Ok(key)
    }

    async fn commit(
        &self,
        txn: Txn,
        caller: &Caller,
        settings: Versioned,
        account: cake_types::Account,
        pools: Vec<Pool>,
        servers: Vec<Server>,
    ) -> Result<(), Problem> {
        let caller = Caller { actor: Actor::Setup, ..caller.clone() };
        let mut audit = self.ledger.audit(&caller, None);
        let revision = match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => revision,
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::AlreadySetUp)),
        };
        self.accounts.put(account, revision);
        let name = settings.settings.name.to_string();
        self.settings.put(Stored { value: settings, revision });
        pools.into_iter().for_each(|pool| self.ledger.board.put_pool(pool));
        let added: Vec<Subject> = servers.iter().map(servers::subject).collect();
        servers.into_iter().for_each(|server| self.ledger.board.put_server(server, revision));
        for used in [TOKEN_FILE, RECOVERY_FILE] {
            if let Err(error) = remove(&self.state.join(used)) {
                tracing::warn!(%error, used, "a file that is of no use any more stays");
            }
        }
        self.ledger.audited(audit).await?;
        let done = Happened::new(EventKind::SetupDone, Severity::Info).with("name", name);
        self.ledger.event(done, None).await;
        for server in added {
            self.ledger.event_info(EventKind::ServerAdded, Some(server)).await;
        }
        Ok(())
    }

    /// The key that the installer left, or a new one.
    fn recovery(&self) -> SecretKey {
        let left = std::fs::read_to_string(self.state.join(RECOVERY_FILE)).map(Zeroizing::new);
        left.ok()
            .and_then(|text| SecretKey::from_revealed(&text).ok())
            .unwrap_or_else(|| SecretKey::generate(&mut OsRng))
    }

    /// Those that the answers name, their passwords sealed to whoever is there and to the recovery key that is being made.
    fn servers(&self, said: &[SetupServer], recovery: &SecretKey) -> Result<Vec<Server>, Problem> {
        let sealed = |password: &str| {
            let password = Zeroizing::new(password.to_owned());
            secret::sealed(&self.ledger, Some(recovery.public()), &password).map(Some)
        };
        let there = servers::specs(&self.ledger.board);
        let designed = setup_servers::designed(said, &there, sealed)?;
        Ok(designed.into_iter().map(|(name, spec)| servers::design(name, spec, self.ledger.now())).collect())
    }

    /// The first is where new VMs go. Each is tried on the node.
    async fn pools(&self, first: SetupPool, more: Vec<SetupPool>) -> Result<Vec<Pool>, Problem> {
        let now = self.ledger.now();
        let mut pools: Vec<Pool> = Vec::new();
        for (index, SetupPool { name, path }) in [first].into_iter().chain(more).enumerate() {
            let at = |field: &str| match index {
                0 => format!("/pool/{field}"),
                _ => format!("/more_pools/{}/{field}", index - 1),
            };
            if pools.iter().any(|pool| pool.meta.name == name) {
                return Err(Problem::new(Code::NameTaken).with("kind", "pool").with("name", name).at(&at("name")));
            }
            let (id, project, generation) = (PoolId::now(), ProjectName::default(), Generation::FIRST);
            let meta = Meta { id, project, name, generation, created_at: now, updated_at: now };
            let pool = Pool { meta, spec: PoolSpec { path } };
            self.try_pool(&pool, &at("path")).await?;
            pools.push(pool);
        }
        Ok(pools)
    }

    /// A directory that the node can't use is told before anything is written.
    async fn try_pool(&self, pool: &Pool, at: &str) -> Result<(), Problem> {
        use cake_node_api::{ClientError, NodeError};
        let Some(node) = self.nodes.connected() else {
            // Without a chosen directory there is nothing that could be wrong with it.
            return if pool.spec.path.is_none() { Ok(()) } else { Err(Problem::new(Code::NodeUnreachable)) };
        };
        let stamp = Stamp { epoch: node.epoch, generation: pool.meta.generation };
        match node.client.apply_pool(pool.meta.id, stamp, pool.spec.clone()).await {
            Ok(()) => Ok(()),
            Err(ClientError::Refused(NodeError::Invalid { detail })) => {
                tracing::info!(detail, "the node refused the pool");
                Err(Problem::invalid("path", "pool-path").with("detail", detail).at(at))
            }
            Err(other) => Err(error::node(other)),
        }
    }
}

/// The token in the clear, while there is one.
pub fn read_token(state: &Path) -> std::io::Result<Zeroizing<String>> {
    std::fs::read_to_string(state.join(TOKEN_FILE)).map(|text| Zeroizing::new(text.trim().to_owned()))
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_secret(path: &Path, content: &[u8]) -> Result<(), SetupFileError> {
    let io = |source| SetupFileError::Io { path: path.to_owned(), source };
    let fresh = path.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(io)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&fresh, path).map_err(io)?;
    let directory = path.parent().map(std::fs::File::open).transpose().map_err(io)?;
    directory.map_or(Ok(()), |directory| directory.sync_all()).map_err(io)
}

fn remove(path: &Path) -> Result<(), SetupFileError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(SetupFileError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// What is wrong with an answer file, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct AnswerFileError {
    pub line: usize,
    pub message: String,
}

/// Reads the wizard's answers from TOML. A wrong value is told with its line, as a wrong shape is.
pub fn parse_answers(text: &str) -> Result<SetupAnswers, AnswerFileError> {
    let answers: SetupAnswers = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        AnswerFileError { line: line_of(text, at), message: error.message().to_owned() }
    })?;
    answers.check().map_err(|error| {
        let problem = setup_problem(&error);
        let field = problem.params.get("field").cloned().unwrap_or_default();
        AnswerFileError { line: line_of_field(text, &field), message: error.to_string() }
    })?;
    setup_servers::check(&answers.servers).map_err(|problem| {
        let line = problem.pointer.as_deref().and_then(|pointer| line_of_server(text, pointer)).unwrap_or(1);
        AnswerFileError { line, message: setup_servers::english(&problem) }
    })?;
    Ok(answers)
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn sets(line: &str, field: &str) -> bool {
    line.trim_start().strip_prefix(field).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The line that sets `field`; the first of the file where it is missing.
fn line_of_field(text: &str, field: &str) -> usize {
    text.lines().position(|line| sets(line, field)).map_or(1, |line| line + 1)
}

/// The line of `/servers/INDEX/FIELD`, or where that server begins.
fn line_of_server(text: &str, pointer: &str) -> Option<usize> {
    let mut parts = pointer.trim_start_matches('/').split('/').skip(1);
    let (index, field) = (parts.next()?.parse::<usize>().ok()?, parts.next()?);
    let written = |line: &str| line.split('#').next().unwrap_or_default().replace(char::is_whitespace, "");
    let is_head = |line: &str| written(line) == "[[servers]]";
    let (head, _) = text.lines().enumerate().filter(|(_, line)| is_head(line)).nth(index)?;
    let mut its = text.lines().enumerate().skip(head + 1).take_while(|(_, line)| !line.trim_start().starts_with('['));
    Some(its.find(|(_, line)| sets(line, field)).map_or(head, |(line, _)| line) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"Rack 1\"\ntime_zone = \"Asia/Taipei\"\n\n[administrator]\nname = \"admin\"\npassword = \"correct horse\"\n";

    #[test]
    fn an_answer_file_is_read() {
        let answers = parse_answers(GOOD).unwrap();
        assert_eq!(answers.administrator.name.as_str(), "admin");
        assert_eq!(answers.pool.name.as_str(), "local");
        assert!(answers.servers.is_empty());
        let servers = "\n[[servers]]\nname = \"a\"\nbmc = \"10.0.0.5\"\nuser = \"u\"\npassword = \"geheim\"\n";
        let answers = parse_answers(&format!("{GOOD}{servers}")).unwrap();
        assert_eq!((answers.servers[0].name.as_str(), answers.servers[0].bmc.as_str()), ("a", "10.0.0.5"));
        assert!(!format!("{answers:?}").contains("geheim"));
    }

    #[test]
    fn a_mistake_about_a_server_is_told_with_its_line() {
        let first = "\n[[servers]]\nname = \"a\"\nbmc = \"10.0.0.5\"\n";
        for (second, line) in [
            ("[[servers]]\nname = \"A\"\nbmc = \"10.0.0.6\"\n", 12),
            ("[[ servers ]] # the second\nname = \"b\"\nbmc = \"10.0.0.5\"\n", 13),
            ("[[servers]]\nname = \"b\"\nbmc = \"10.0.0.6:0\"\n", 13),
            ("[[servers]]\nname = \"b\"\nbmc = \"10.0.0.6\"\nuser = \"a b\"\n", 14),
            ("[[servers]]\nname = \"b\"\nbmc = \"10.0.0.6\"\nadress = \"a\"\n", 14),
        ] {
            let error = parse_answers(&format!("{GOOD}{first}{second}")).unwrap_err();
            assert_eq!(error.line, line, "{second}: {error}");
            assert!(!error.message.contains('"') || error.message.contains('`'), "{error}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (from, to, line) in [
            ("Asia/Taipei", "Mars/Olympus", 2),
            ("correct horse", "short", 6),
            ("password =", "pasword =", 6),
            ("name = \"admin\"", "name = \"../x\"", 5),
            ("name = \"Rack 1\"", "name = ", 1),
        ] {
            let error = parse_answers(&GOOD.replace(from, to)).unwrap_err();
            assert_eq!(error.line, line, "{to}: {error}");
        }
    }
}

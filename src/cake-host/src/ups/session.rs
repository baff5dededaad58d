//! A connection to a NUT server.

use super::protocol::{Answer, LINE_MAX, ProtocolError, VARIABLES_MAX, parse, problem, quoted};
use super::told::{Told, told};
use cake_types::UpsProblem;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server may take for one answer, or to be reached.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most names of other UPSes that are told.
const OFFERED_MAX: usize = 8;

/// Where the UPS is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    pub ups: &'a str,
}

/// Who asks. The NUT server waits for those who are logged in before it cuts the power.
pub struct Login<'a> {
    pub user: &'a str,
    pub password: &'a str,
}

impl std::fmt::Debug for Login<'_> {
    /// Never shows the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the NUT server can't be reached")]
    Io(#[from] io::Error),
    #[error("the NUT server does not answer")]
    Silent,
    #[error("the NUT server does not speak the protocol")]
    Protocol(#[from] ProtocolError),
    #[error("the NUT server says {code}")]
    Refused { code: String, offered: Vec<String> },
}

impl SessionError {
    pub fn problem(&self) -> UpsProblem {
        match self {
            Self::Io(_) | Self::Silent => UpsProblem::Unreachable,
            Self::Protocol(_) => UpsProblem::Garbled,
            Self::Refused { code, .. } => problem(code),
        }
    }

    /// Names of UPSes that the server has instead.
    pub fn offered(&self) -> &[String] {
        match self {
            Self::Refused { offered, .. } => offered,
            _ => &[],
        }
    }
}

/// An open connection, logged in if it can be.
pub struct Session {
    stream: BufReader<TcpStream>,
    ups: String,
    /// The server did not let us in; it tells us of the UPS all the same.
    pub refused: bool,
}

impl Session {
    pub async fn open(target: &Target<'_>, login: Option<&Login<'_>>) -> Result<Self, SessionError> {
        let connecting = TcpStream::connect((target.host, target.port));
        let stream = timeout(PATIENCE, connecting).await.map_err(|_| SessionError::Silent)??;
        let mut session = Self { stream: BufReader::new(stream), ups: quoted(target.ups), refused: false };
        if let Some(login) = login {
            session.refused = !session.log_in(login).await?;
        }
        Ok(session)
    }

    async fn log_in(&mut self, login: &Login<'_>) -> Result<bool, SessionError> {
        let ups = self.ups.clone();
        let lines = [
            format!("USERNAME {}", quoted(login.user)),
            format!("PASSWORD {}", quoted(login.password)),
            format!("LOGIN {ups}"),
        ];
        for line in lines.map(zeroize::Zeroizing::new) {
            self.ask(&line).await?;
            match self.answer().await? {
                Answer::Ok => {}
                Answer::Error(code) if problem(&code) == UpsProblem::Login => return Ok(false),
                Answer::Error(code) => return Err(self.refusal(code).await),
                _ => return Err(ProtocolError::Unexpected.into()),
            }
        }
        Ok(true)
    }

    /// What the UPS says now.
    pub async fn read(&mut self) -> Result<Told, SessionError> {
        let question = format!("LIST VAR {}", self.ups);
        self.ask(&question).await?;
        match self.answer().await? {
            Answer::Begin => {}
            Answer::Error(code) => return Err(self.refusal(code).await),
            _ => return Err(ProtocolError::Unexpected.into()),
        }
        let mut variables = Vec::new();
        loop {
            match self.answer().await? {
                Answer::Variable { name, value } if variables.len() < VARIABLES_MAX => variables.push((name, value)),
                Answer::Variable { .. } => return Err(ProtocolError::TooMany.into()),
                Answer::End => break,
                Answer::Error(code) => return Err(self.refusal(code).await),
                _ => return Err(ProtocolError::Unexpected.into()),
            }
        }
        let told = told(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        told.ok_or_else(|| SessionError::Refused { code: "DATA-STALE".into(), offered: Vec::new() })
    }

    /// The error, and what else there is where the name is not known.
    async fn refusal(&mut self, code: String) -> SessionError {
        let offered = if problem(&code) == UpsProblem::Unknown { self.names().await } else { Ok(Vec::new()) };
        SessionError::Refused { code, offered: offered.unwrap_or_default() }
    }

    async fn names(&mut self) -> Result<Vec<String>, SessionError> {
        self.ask("LIST UPS").await?;
        let mut names = Vec::new();
        for _ in 0..VARIABLES_MAX {
            match self.answer().await? {
                Answer::Begin => {}
                Answer::Ups { name } if names.len() < OFFERED_MAX => names.push(name.chars().take(64).collect()),
                Answer::Ups { .. } => {}
                _ => return Ok(names),
            }
        }
        Ok(names)
    }

    async fn ask(&mut self, line: &str) -> Result<(), SessionError> {
        let writing = async {
            self.stream.get_mut().write_all(line.as_bytes()).await?;
            self.stream.get_mut().write_all(b"\n").await
        };
        Ok(timeout(PATIENCE, writing).await.map_err(|_| SessionError::Silent)??)
    }

    async fn answer(&mut self) -> Result<Answer, SessionError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_MAX as u64 + 1);
        let reading = limited.read_until(b'\n', &mut line);
        timeout(PATIENCE, reading).await.map_err(|_| SessionError::Silent)??;
        if line.pop_if(|last| *last == b'\n').is_none() {
            let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(if line.len() > LINE_MAX { ProtocolError::TooLong.into() } else { broken().into() });
        }
        line.pop_if(|last| *last == b'\r');
        Ok(parse(&line)?)
    }
}

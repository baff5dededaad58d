//! What only Redfish knows or does, asked of a server's BMC now.

use cake_node_api::{ClientError, NodeError};
use cake_types::{BmcDrive, Code, FailureCode, Problem, ServerAnswer, ServerAsk};

use super::{Servers, asked, subject, with_bmc};
use crate::board::ServerEntry;
use crate::caller::Caller;
use crate::error;

impl Servers {
    async fn ask(&self, entry: &ServerEntry, what: ServerAsk) -> Result<ServerAnswer, Problem> {
        with_bmc(entry)?;
        let node = self.nodes.require()?;
        node.client.ask_server(entry.id(), what).await.map_err(|refusal| answered(entry, refusal))
    }

    /// Written down as whoever asked for it did it.
    async fn order_now(&self, caller: &Caller, entry: &ServerEntry, what: ServerAsk) -> Result<(), Problem> {
        self.ask(entry, what).await?;
        self.ledger.audited(self.ledger.audit(caller, Some(subject(&entry.server)))).await
    }

    /// The drives that its BMC knows.
    pub async fn drives(&self, entry: &ServerEntry) -> Result<Vec<BmcDrive>, Problem> {
        match self.ask(entry, ServerAsk::Drives).await? {
            ServerAnswer::Drives(drives) => Ok(drives),
            other => Err(unexpected(&other)),
        }
    }

    /// Lights the light of one drive, by its id, its serial number or its name, or puts it out.
    pub async fn light_drive(
        &self,
        caller: &Caller,
        entry: &ServerEntry,
        drive: &str,
        on: bool,
    ) -> Result<BmcDrive, Problem> {
        let drives = self.drives(entry).await?;
        let found = |is: fn(&BmcDrive) -> &str| drives.iter().find(|known| is(known) == drive);
        let found =
            found(|known| &known.id).or_else(|| found(|known| &known.serial)).or_else(|| found(|known| &known.name));
        let missing = || Problem::new(Code::NoSuchDrive).with("name", &entry.server.meta.name).with("drive", drive);
        let found = found.filter(|_| !drive.is_empty()).ok_or_else(missing)?;
        self.order_now(caller, entry, ServerAsk::LightDrive { drive: found.id.clone(), on }).await?;
        Ok(BmcDrive { lit: Some(on), ..found.clone() })
    }
}

fn unexpected(answer: &ServerAnswer) -> Problem {
    tracing::error!(?answer, "the node answered something else than was asked");
    Problem::new(Code::Internal)
}

fn answered(entry: &ServerEntry, refusal: ClientError) -> Problem {
    let name = &entry.server.meta.name;
    match refusal {
        ClientError::Refused(NodeError::BmcRefused { code: FailureCode::BmcUnsupported, .. }) => {
            Problem::new(Code::BmcCannot).with("name", name)
        }
        ClientError::Refused(NodeError::BmcRefused { code: _, detail }) => {
            Problem::new(Code::BmcRefuses).with("name", name).with("detail", detail)
        }
        ClientError::Refused(NodeError::Bmc { .. } | NodeError::Unknown) => asked(entry, refusal),
        refusal => error::node(refusal),
    }
}

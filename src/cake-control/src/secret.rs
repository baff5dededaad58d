//! Secrets that people say and only servers read.

use cake_types::{Code, OsRng, Problem, PublicKey, Sealed, seal};
use zeroize::Zeroizing;

use crate::error;
use crate::ledger::Ledger;

/// Who reads them: every server, and whoever holds the recovery key.
pub(crate) fn readers(ledger: &Ledger, recovery: Option<PublicKey>) -> Result<Vec<PublicKey>, Problem> {
    let nodes = ledger.board.nodes();
    if nodes.is_empty() {
        return Err(Problem::new(Code::NodeUnreachable));
    }
    Ok(nodes.iter().map(|entry| entry.node.key.clone()).chain(recovery).collect())
}

pub(crate) fn sealed(
    ledger: &Ledger,
    recovery: Option<PublicKey>,
    text: &Zeroizing<String>,
) -> Result<Sealed<String>, Problem> {
    let readers = readers(ledger, recovery)?;
    seal(&**text, &readers, &mut OsRng).map_err(|e| error::internal("a secret could not be sealed", &e))
}

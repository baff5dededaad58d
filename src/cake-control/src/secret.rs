//! Secrets that people say and only servers read.

use cake_types::{Code, OsRng, Problem, Sealed, seal};
use zeroize::Zeroizing;

use crate::error;
use crate::ledger::Ledger;
use crate::settings::Settings;

/// To every server and to the recovery key.
pub(crate) fn sealed(
    ledger: &Ledger,
    settings: &Settings,
    text: &Zeroizing<String>,
) -> Result<Sealed<String>, Problem> {
    let nodes = ledger.board.nodes();
    if nodes.is_empty() {
        return Err(Problem::new(Code::NodeUnreachable));
    }
    let keys = nodes.iter().map(|entry| entry.node.key.clone()).chain(settings.recovery_key());
    let keys: Vec<_> = keys.collect();
    seal(&**text, &keys, &mut OsRng).map_err(|e| error::internal("a secret could not be sealed", &e))
}

//! Access that lasts longer than a request: a console or a watch ends when the right to it ends.

use cake_control::accounts::Identity;
use cake_control::board::What;
use cake_types::Permission;
use tokio::sync::broadcast::error::RecvError;

use crate::state::Api;

/// Whether a change may take somebody's right away.
pub(crate) fn may_end(what: &What) -> bool {
    matches!(what, What::Account | What::SessionEnded(_))
}

/// Does `work` for as long as somebody may.
pub(crate) async fn while_allowed(
    api: Api,
    identity: Identity,
    permission: Permission,
    work: impl Future<Output = ()> + Send,
) {
    tokio::select! {
        () = work => {}
        () = ended(&api, &identity, permission) => {}
    }
}

/// Waits until somebody may no longer do this: logged out, disabled, deleted, another role, a token taken back or over; or until
/// the program ends.
async fn ended(api: &Api, identity: &Identity, permission: Permission) {
    // Followed before it is asked: what changes in between is not missed.
    let mut changes = api.board.changes.follow();
    while api.accounts.stands(identity, permission) {
        loop {
            match changes.recv().await {
                Ok(change) if may_end(&change.what) => break,
                Ok(change) if matches!(change.what, What::Ending) => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

//! What a server may draw, brought to what is asked: looked at now and then, so that a BMC that forgot it is told again.

use cake_bmc::{Bmc, BmcError, Cap, Completion, TransportError};
use cake_planner::power_cap;
use cake_types::{CapStatus, CapTrouble, PowerCap};

/// DCMI 1.5 table 6-19: "power limit out of range".
const OUT_OF_RANGE: Completion = Completion(0x84);

/// What is in force, after the BMC was told what is asked where that is something else. An error: it is not heard.
pub async fn keep(bmc: &mut dyn Bmc, asked: Option<PowerCap>) -> Result<CapStatus, BmcError> {
    let now = match bmc.cap().await {
        Ok(now) => now,
        Err(error) => return Ok(CapStatus { trouble: Some(trouble(error)?), ..CapStatus::default() }),
    };
    let Some(wanted) = asked.filter(|asked| !power_cap::is_kept(asked.watts, now.limit)) else {
        return Ok(status(now, None));
    };
    match bmc.set_cap(wanted.watts).await {
        Ok(()) => {
            // What counts is what it says that it has.
            let now = bmc.cap().await?;
            let kept = power_cap::is_kept(wanted.watts, now.limit);
            Ok(status(now, (!kept).then_some(CapTrouble::Failed)))
        }
        Err(error) => Ok(status(now, Some(trouble(error)?))),
    }
}

fn status(Cap { limit, least, most }: Cap, trouble: Option<CapTrouble>) -> CapStatus {
    CapStatus { watts: limit, least, most, trouble }
}

fn trouble(error: BmcError) -> Result<CapTrouble, BmcError> {
    match error {
        BmcError::Unsupported | BmcError::NoSystem => Ok(CapTrouble::Unsupported),
        BmcError::Completion(OUT_OF_RANGE | Completion::PARAMETER_OUT_OF_RANGE) => Ok(CapTrouble::OutOfRange),
        BmcError::Transport(TransportError::Forbidden)
        | BmcError::Completion(Completion::INSUFFICIENT_PRIVILEGE)
        | BmcError::Redfish { status: 401 | 403, .. } => Ok(CapTrouble::Forbidden),
        BmcError::Completion(_) | BmcError::Answer(_) | BmcError::Redfish { .. } => Ok(CapTrouble::Failed),
        BmcError::Transport(error) => Err(BmcError::Transport(error)),
    }
}

//! The BMC's watchdog (IPMI 2.0 §27): what it would do to a server that stops talking to it.

use super::ask;
use crate::bmc::BmcError;
use crate::message::{Request, Transport, net_fn};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    pub running: bool,
    pub action: Action,
    /// From the start of a count.
    pub interval: Duration,
    /// What is left of it. OpenIPMI's simulator, for one, does not say.
    pub left: Option<Duration>,
    /// It ran out since somebody looked last.
    pub expired: bool,
}

/// §27.6, byte 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    None,
    Reset,
    PowerOff,
    PowerCycle,
    Other(u8),
}

/// §27.7 Get Watchdog Timer.
pub async fn get(transport: &dyn Transport) -> Result<Watchdog, BmcError> {
    let data = ask(transport, &Request::new(net_fn::APP, 0x25, [])).await?;
    parse(&data).ok_or(BmcError::Answer("Get Watchdog Timer"))
}

pub fn parse(data: &[u8]) -> Option<Watchdog> {
    let [timer_use, actions, _, expired, low, high, left @ ..] = data else { return None };
    // Counts are in tenths of a second.
    let time = |bytes| Duration::from_millis(u64::from(u16::from_le_bytes(bytes)) * 100);
    Some(Watchdog {
        running: timer_use & 0x40 != 0,
        action: match actions & 7 {
            0 => Action::None,
            1 => Action::Reset,
            2 => Action::PowerOff,
            3 => Action::PowerCycle,
            other => Action::Other(other),
        },
        interval: time([*low, *high]),
        left: left.first_chunk().copied().map(time),
        expired: *expired != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::{Action, parse};
    use std::time::Duration;

    #[test]
    fn a_running_watchdog_tells_what_it_will_do() {
        let told = parse(&[0x44, 0x01, 0, 0, 0x58, 0x02, 0x2c, 0x01]).expect("whole");
        assert_eq!((told.running, told.action, told.expired), (true, Action::Reset, false));
        assert_eq!((told.interval, told.left), (Duration::from_secs(60), Some(Duration::from_secs(30))));
        let told = parse(&[0x04, 0x13, 0, 0x10, 0, 0]).expect("all but what is left");
        assert_eq!((told.running, told.action, told.expired, told.left), (false, Action::PowerCycle, true, None));
        assert_eq!(parse(&[0x04, 0x13, 0, 0x10, 0]), None);
    }
}

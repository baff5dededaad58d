//! A device that is looked at: who made it, and then the tables of such devices.

use crate::agent::Agent;
use crate::error::SnmpError;
use crate::oid::Oid;
use crate::tree::Tree;
use crate::value::Value;
use crate::{pdu, switch};
use cake_types::{DeviceAbout, DeviceKind, PduReading, SwitchReading};

/// SNMPv2-MIB (RFC 3418): `sysDescr`, `sysObjectID`, `sysName`.
const SYS_DESCR: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
const SYS_OBJECT_ID: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 2, 0];
const SYS_NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 5, 0];
/// Below it each maker has a number of its own (IANA private enterprise numbers).
const ENTERPRISES: &[u32] = &[1, 3, 6, 1, 4, 1];
/// Characters of a text that is told.
pub(crate) const TEXT: usize = 48;

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub about: DeviceAbout,
    pub pdu: Option<PduReading>,
    pub switch: Option<SwitchReading>,
}

/// Asks a device everything that is shown of such devices.
pub async fn look(agent: &mut Agent, kind: DeviceKind) -> Result<Look, SnmpError> {
    let names = [SYS_DESCR, SYS_OBJECT_ID, SYS_NAME].map(Oid::new);
    let mut tree = Tree::default();
    tree.extend(agent.get(names.into_iter().flatten().collect()).await?)?;
    let about = about(&tree);
    match kind {
        DeviceKind::Pdu => {
            let family = pdu::family(about.enterprise);
            tree.extend(agent.columns(family.names()).await?)?;
            let (mut about, mut reading) = pdu::read(&tree, family);
            // A maker's other devices, and those of makers that are not known, may speak the IETF's language.
            let standard = pdu::family(None);
            if reading == PduReading::default() && family.names() != standard.names() {
                tree.extend(agent.columns(standard.names()).await?)?;
                (about, reading) = pdu::read(&tree, standard);
            }
            if reading == PduReading::default() {
                return Err(SnmpError::Unknown);
            }
            Ok(Look { about, pdu: Some(reading), switch: None })
        }
        DeviceKind::Switch => {
            tree.extend(agent.columns(switch::names()).await?)?;
            let reading = switch::read(&tree);
            if reading.ports.is_empty() {
                return Err(SnmpError::Unknown);
            }
            Ok(Look { about, pdu: None, switch: Some(reading) })
        }
    }
}

/// What every agent says of itself.
pub fn about(tree: &Tree) -> DeviceAbout {
    let text = |name| tree.at(name, &[]).and_then(|value| value.text(TEXT)).unwrap_or_default();
    let enterprise = match tree.at(SYS_OBJECT_ID, &[]) {
        Some(Value::Object(oid)) => oid.below(ENTERPRISES).and_then(|rest| rest.first()).copied(),
        _ => None,
    };
    DeviceAbout { enterprise, name: text(SYS_NAME), description: text(SYS_DESCR), ..DeviceAbout::default() }
}

//! Lines that move sensors and make faults.
//!
//! ```text
//!   set SENSOR VALUE          what a sensor reads            fault KIND on|off     see `fault::Fault`
//!   states SENSOR MASK        what a discrete one says       fault drop N/M        N of M datagrams that come are lost
//!   available SENSOR yes|no   it has a reading               fault delay MS        each answer is so late
//!   scan SENSOR on|off        somebody scans it              fault none
//!   watts N                   what DCMI reads                events N              so many entries for the log
//!   power on|off|reset        as by its button               max-read N            CAh above so many bytes
//!   intrusion on|off          its lid                        state                 how it is, as JSON
//!   console end               ends serial over LAN
//! ```
//!
//! A sensor's name may hold blanks: its value is the last word.

use crate::machine::Order;
use crate::sessions::{Around, Sessions};
use serde_json::json;
use std::time::Duration;

/// Does what a line says. `pid`: the server's process.
pub fn obey(sessions: &mut Sessions, line: &str, pid: Option<u32>, around: &mut Around<'_>) -> Result<String, String> {
    let now = around.now;
    let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    if (verb, rest) == ("console", "end") {
        return if sessions.end_console(around) { Ok(String::new()) } else { Err("there is no console".into()) };
    }
    let machine = &mut sessions.machine;
    match verb {
        "set" => {
            let (name, value) = last(rest)?;
            known(machine.move_sensor(name, number(value)?, now), name)
        }
        "states" => {
            let (name, value) = last(rest)?;
            let bits = value.strip_prefix("0x").map_or_else(|| value.parse(), |hex| u16::from_str_radix(hex, 16));
            known(machine.set_states(name, bits.map_err(|_| format!("{value} is no mask"))?, now), name)
        }
        "available" | "scan" => {
            let (name, word) = last(rest)?;
            let sensor = machine.sensor(name).ok_or_else(|| format!("there is no sensor {name}"))?;
            *(if verb == "scan" { &mut sensor.scanning } else { &mut sensor.available }) = yes(word)?;
            Ok(String::new())
        }
        "watts" => {
            machine.watts = number(rest)?;
            Ok(String::new())
        }
        "max-read" => {
            machine.description.max_read = number(rest)?;
            Ok(String::new())
        }
        "events" => {
            for count in 0..number::<u32>(rest)? {
                // A record of a sensor that says something new each time; a full log takes no more.
                let _ = machine.log.add(now, [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0x12, 0, 0x6f, 0xa0, count as u8, 0xff]);
            }
            Ok(String::new())
        }
        "power" => {
            let order = match rest {
                "on" => Order::On,
                "off" => Order::Off,
                "reset" => Order::Reset,
                _ => return Err(format!("power is on, off or reset, not {rest}")),
            };
            machine.chassis.orders.push(order);
            Ok(String::new())
        }
        "intrusion" => {
            machine.chassis.intrusion = yes(rest)?;
            Ok(String::new())
        }
        "fault" => fault(sessions, rest).map(|()| String::new()),
        "state" => Ok(state(sessions, pid)),
        _ => Err(format!("{verb} is no command")),
    }
}

fn fault(sessions: &mut Sessions, rest: &str) -> Result<(), String> {
    let faults = &mut sessions.faults;
    match rest.split_once(' ') {
        None if rest == "none" => *faults = Default::default(),
        Some(("drop", share)) => {
            let (lost, of) = share.split_once('/').ok_or("drop takes N/M")?;
            faults.drop = Some((number(lost)?, number(of)?)).filter(|(lost, _)| *lost > 0);
        }
        Some(("delay", milliseconds)) => faults.delay = Duration::from_millis(number(milliseconds)?),
        Some((kind, word)) => faults.set(kind.parse()?, yes(word)?),
        None => return Err("fault KIND on|off".into()),
    }
    Ok(())
}

fn state(sessions: &Sessions, pid: Option<u32>) -> String {
    let machine = &sessions.machine;
    json!({
        "on": machine.chassis.on,
        "pid": pid,
        "boot": machine.chassis.boot_device(),
        "identify": format!("{:?}", machine.chassis.identify),
        "sessions": sessions.count(),
        "limit": machine.limit.in_force(),
        "breaks": sessions.breaks,
        "events": machine.log.len(),
        "guid": machine.description.guid,
    })
    .to_string()
}

fn last(rest: &str) -> Result<(&str, &str), String> {
    rest.rsplit_once(' ').ok_or_else(|| "SENSOR VALUE".into())
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.trim().parse().map_err(|_| format!("{word} is no such number"))
}

fn yes(word: &str) -> Result<bool, String> {
    match word {
        "on" | "yes" => Ok(true),
        "off" | "no" => Ok(false),
        _ => Err(format!("{word} is neither on nor off")),
    }
}

fn known(found: bool, name: &str) -> Result<String, String> {
    if found { Ok(String::new()) } else { Err(format!("there is no sensor {name}")) }
}

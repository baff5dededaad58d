//! The fields of network repair: what is typed, what is wrong with it, and the network that it comes to.

use cake_planner::uplink::{check, english};
use cake_types::{BondMode, Problem, UplinkMethod, UplinkPort, UplinkSpec};
use std::collections::BTreeMap;
use std::str::FromStr;

use super::key::Key;

/// Longest that can be typed into a field.
const LONGEST: usize = 46;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Method,
    Address,
    Gateway,
    Dns,
    Vlan,
    Ports,
    Bond,
    /// Not a field: it is tried.
    Try,
}

impl Field {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Method => "Addresses",
            Self::Address => "Address/prefix",
            Self::Gateway => "Gateway",
            Self::Dns => "DNS servers",
            Self::Vlan => "VLAN",
            Self::Ports => "Ports",
            Self::Bond => "Several ports",
            Self::Try => "Try this network",
        }
    }

    pub const fn hint(self) -> &'static str {
        match self {
            Self::Method => "Left and Right change it.",
            Self::Address => "Such as 192.0.2.7/24. Several with spaces between.",
            Self::Gateway => "Such as 192.0.2.1. Empty: only the server's own network is reached.",
            Self::Dns => "Such as 192.0.2.53. Several with spaces between. Empty: what DHCP says.",
            Self::Vlan => "1 to 4094. Empty: none.",
            Self::Ports => "Names with spaces between. Empty: every port.",
            Self::Bond => "Left and Right change it. LACP wants a switch that is set up for it.",
            Self::Try => "Enter: it is tried for 90 seconds, and returns unless you keep it here.",
        }
    }
}

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressed {
    Stays,
    Back,
    Try(Box<UplinkSpec>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What was confirmed last: what has no field here stays as it is there.
    base: UplinkSpec,
    method: UplinkMethod,
    bond: BondMode,
    typed: BTreeMap<Field, String>,
    pub at: Field,
    pub faults: BTreeMap<Field, String>,
}

impl Form {
    pub fn of(spec: &UplinkSpec) -> Self {
        let typed = BTreeMap::from([
            (Field::Address, spaced(&spec.addresses)),
            (Field::Gateway, spaced(&spec.gateways)),
            (Field::Dns, spaced(&spec.dns)),
            (Field::Vlan, spec.vlan.map_or_else(String::new, |vlan| vlan.to_string())),
            (Field::Ports, spec.links.join(" ")),
        ]);
        let (method, bond) = (spec.method, spec.bond);
        Self { base: spec.clone(), method, bond, typed, at: Field::Method, faults: BTreeMap::new() }
    }

    /// What there is to fill in now.
    pub fn fields(&self) -> Vec<Field> {
        let all = [
            Field::Method,
            Field::Address,
            Field::Gateway,
            Field::Dns,
            Field::Vlan,
            Field::Ports,
            Field::Bond,
            Field::Try,
        ];
        let fixed = self.method == UplinkMethod::Static;
        all.into_iter().filter(|field| fixed || !matches!(field, Field::Address | Field::Gateway)).collect()
    }

    /// What stands in a field.
    pub fn value(&self, field: Field) -> &str {
        match field {
            Field::Method => match self.method {
                UplinkMethod::Dhcp => "by DHCP",
                UplinkMethod::Static => "typed here",
            },
            Field::Bond => match self.bond {
                BondMode::ActiveBackup => "one carries, another takes over",
                BondMode::Lacp => "all carry (LACP)",
            },
            Field::Try => "",
            typed => self.typed.get(&typed).map_or("", String::as_str),
        }
    }

    pub const fn is_typed(field: Field) -> bool {
        !matches!(field, Field::Method | Field::Bond | Field::Try)
    }

    /// `ports`: those of the server.
    pub fn press(&mut self, key: Key, ports: &[UplinkPort]) -> Pressed {
        let at = self.at;
        match key {
            Key::Escape => return Pressed::Back,
            Key::Up => self.step(-1),
            Key::Down => self.step(1),
            Key::Enter if at != Field::Try => self.step(1),
            Key::Enter => match self.spec(ports) {
                Ok(spec) => return Pressed::Try(Box::new(spec)),
                Err(faults) => {
                    self.at = faults.keys().next().copied().unwrap_or(Field::Try);
                    self.faults = faults;
                }
            },
            Key::Left | Key::Right | Key::Char(' ') if matches!(at, Field::Method | Field::Bond) => self.turn(at),
            Key::Char(c) if Self::is_typed(at) => {
                let text = self.typed.entry(at).or_default();
                if text.len() < LONGEST {
                    text.push(c);
                }
                self.faults.remove(&at);
            }
            Key::Backspace if Self::is_typed(at) => drop(self.typed.entry(at).or_default().pop()),
            Key::Clear if Self::is_typed(at) => self.typed.entry(at).or_default().clear(),
            Key::Left | Key::Right | Key::Char(_) | Key::Backspace | Key::Clear | Key::Redraw => {}
        }
        Pressed::Stays
    }

    fn step(&mut self, by: isize) {
        let fields = self.fields();
        let here = fields.iter().position(|field| *field == self.at).unwrap_or(0);
        let there = here.saturating_add_signed(by).min(fields.len() - 1);
        self.at = fields[there];
    }

    fn turn(&mut self, field: Field) {
        self.faults.clear();
        match field {
            Field::Method => {
                self.method = match self.method {
                    UplinkMethod::Dhcp => UplinkMethod::Static,
                    UplinkMethod::Static => UplinkMethod::Dhcp,
                }
            }
            _ => {
                self.bond = match self.bond {
                    BondMode::ActiveBackup => BondMode::Lacp,
                    BondMode::Lacp => BondMode::ActiveBackup,
                }
            }
        }
    }

    /// The network, or what is wrong, at its field.
    pub fn spec(&self, ports: &[UplinkPort]) -> Result<UplinkSpec, BTreeMap<Field, String>> {
        let mut faults = BTreeMap::new();
        let fixed = self.method == UplinkMethod::Static;
        let listed = |field: Field| if fixed { self.value(field) } else { "" };
        let mut spec = UplinkSpec {
            method: self.method,
            bond: self.bond,
            addresses: several(listed(Field::Address), Field::Address, "192.0.2.7/24", &mut faults),
            gateways: several(listed(Field::Gateway), Field::Gateway, "192.0.2.1", &mut faults),
            dns: several(self.value(Field::Dns), Field::Dns, "192.0.2.53", &mut faults),
            vlan: None,
            links: self.value(Field::Ports).split_whitespace().map(ToOwned::to_owned).collect(),
            ..self.base.clone()
        };
        let vlan = self.value(Field::Vlan).trim();
        match vlan.parse() {
            Ok(vlan) => spec.vlan = Some(vlan),
            Err(_) if vlan.is_empty() => {}
            Err(_) => drop(faults.insert(Field::Vlan, "is a number from 1 to 4094".into())),
        }
        if faults.is_empty()
            && let Err(problem) = check(&spec, Some(ports))
        {
            faults.insert(field_of(&problem), english(&problem));
        }
        if faults.is_empty() { Ok(spec) } else { Err(faults) }
    }
}

fn spaced<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// What stands in a field, with spaces or commas between.
fn several<T: FromStr>(text: &str, field: Field, such_as: &str, faults: &mut BTreeMap<Field, String>) -> Vec<T> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let read = words.map(|word| word.parse().map_err(|_| format!("{word} is not written as {such_as}")));
    match read.collect() {
        Ok(all) => all,
        Err(fault) => {
            faults.insert(field, fault);
            Vec::new()
        }
    }
}

/// What has no field here was good before.
fn field_of(problem: &Problem) -> Field {
    let pointer = problem.pointer.as_deref().unwrap_or_default();
    match pointer.split('/').nth(1).unwrap_or_default() {
        "addresses" => Field::Address,
        "gateways" => Field::Gateway,
        "dns" => Field::Dns,
        "vlan" => Field::Vlan,
        "links" => Field::Ports,
        _ => Field::Try,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn type_in(form: &mut Form, text: &str) {
        text.chars().for_each(|c| assert_eq!(form.press(Key::Char(c), &[]), Pressed::Stays));
    }

    fn fixed() -> Form {
        let mut form = Form::of(&UplinkSpec::default());
        form.press(Key::Right, &[]);
        form.press(Key::Down, &[]);
        form
    }

    #[test]
    fn a_static_network_is_typed_field_by_field() {
        let mut form = fixed();
        type_in(&mut form, "192.0.2.7/24");
        form.press(Key::Enter, &[]);
        type_in(&mut form, "192.0.2.1x");
        form.press(Key::Backspace, &[]);
        form.press(Key::Enter, &[]);
        type_in(&mut form, "192.0.2.53, 2001:db8::53");
        form.press(Key::Enter, &[]);
        type_in(&mut form, "12");
        (0..3).for_each(|_| drop(form.press(Key::Down, &[])));
        let Pressed::Try(spec) = form.press(Key::Enter, &[]) else { panic!("{form:?}") };
        assert_eq!(spec.method, UplinkMethod::Static);
        assert_eq!((spaced(&spec.addresses), spaced(&spec.gateways)), ("192.0.2.7/24".into(), "192.0.2.1".into()));
        assert_eq!((spaced(&spec.dns), spec.vlan), ("192.0.2.53 2001:db8::53".into(), Some(12)));
        // What was typed is what is shown when it is opened again.
        let again = Form::of(&spec);
        assert_eq!(again.spec(&[]).unwrap(), *spec);
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field_and_nothing_is_tried() {
        for (typed, field, said) in [
            (["", "", "", ""], Field::Address, "is missing"),
            (["192.0.2.7", "", "", ""], Field::Address, "192.0.2.7 is not written as"),
            (["192.0.2.0/24", "", "", ""], Field::Address, "network's own"),
            (["192.0.2.7/24", "198.51.100.1", "", ""], Field::Gateway, "not in the network"),
            (["192.0.2.7/24", "192.0.2.1", "router", ""], Field::Dns, "router is not written as"),
            (["192.0.2.7/24", "", "", "4095"], Field::Vlan, "from 1 to 4094"),
            (["192.0.2.7/24", "", "", "x"], Field::Vlan, "from 1 to 4094"),
        ] {
            let mut form = fixed();
            for (index, text) in typed.iter().enumerate() {
                type_in(&mut form, text);
                if index < 3 {
                    form.press(Key::Down, &[]);
                }
            }
            form.at = Field::Try;
            assert_eq!(form.press(Key::Enter, &[]), Pressed::Stays, "{typed:?}");
            let fault = form.faults.get(&field).unwrap_or_else(|| panic!("{typed:?}: {:?}", form.faults));
            assert!(fault.contains(said) && form.at == field, "{typed:?}: {fault}");
        }
    }

    #[test]
    fn with_dhcp_nothing_that_was_typed_for_static_is_asked_for() {
        let base = UplinkSpec { mtu: Some(9000), search: vec!["lan".into()], ..UplinkSpec::default() };
        let spec = UplinkSpec {
            method: UplinkMethod::Static,
            addresses: vec!["192.0.2.7/24".parse().unwrap()],
            gateways: vec!["192.0.2.1".parse().unwrap()],
            ..base.clone()
        };
        let mut form = Form::of(&spec);
        form.press(Key::Left, &[]);
        assert!(!form.fields().contains(&Field::Address));
        assert_eq!(form.spec(&[]).unwrap(), base);
    }

    proptest! {
        /// Whatever is typed, what is asked of the node is a network that can be.
        #[test]
        fn what_is_tried_is_good(address in "[0-9./: ]{0,24}", gateway in "[0-9.: ]{0,16}", vlan in "[0-9]{0,5}") {
            let mut form = fixed();
            type_in(&mut form, &address);
            form.press(Key::Down, &[]);
            type_in(&mut form, &gateway);
            form.press(Key::Down, &[]);
            form.press(Key::Down, &[]);
            type_in(&mut form, &vlan);
            form.at = Field::Try;
            match form.press(Key::Enter, &[]) {
                Pressed::Try(spec) => prop_assert!(check(&spec, Some(&[])).is_ok()),
                pressed => prop_assert!(pressed == Pressed::Stays && !form.faults.is_empty()),
            }
        }
    }
}

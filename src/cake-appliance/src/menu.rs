//! The menu of an installed server's screen and serial port, without either: keys and what is known go in, lines and orders come out.
//!
//! ```text
//!  bytes ─▶ key::Decoder ─▶ Key ──┐
//!                                 ├─▶ Menu::press ─▶ Order ─▶ (whoever carries it out) ─▶ Menu::heard
//!  node, caked, kernel ─▶ Facts ──┘        └───────▶ Menu::draw ─▶ 80 × 24 characters
//! ```
//!
//! It is in English and in ASCII: the font of a Linux console has no Chinese. There is no clock and no I/O in here.

use cake_types::{LeavingStage, LeavingWay, OperationId, UplinkSpec};
use jiff::Timestamp;

mod draw;
pub mod facts;
mod form;
pub mod key;
mod text;

pub use draw::{Drawing, Size};
use facts::Facts;
use form::{Form, Pressed};
use key::Key;
pub use text::url;

/// What is to be done about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// VMs end first.
    Leave(LeavingWay),
    /// A leaving is called off.
    Stay(OperationId),
    /// Returns by itself unless it is kept.
    TryNetwork(Box<UplinkSpec>),
    SettleNetwork {
        operation: OperationId,
        keep: bool,
    },
    /// The version before this one runs at the next start, which is now.
    GoBack,
    /// A word is made that lets an administrator in.
    MakeWord,
    /// It lets nobody in any more.
    ForgetWord,
    /// Every key of the server's disks is destroyed; it starts anew as one that nobody has set up.
    Reset,
}

/// What an order that was carried out is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Said(String),
    Word(Word),
}

/// To be typed into a browser, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub until: Timestamp,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Word(until {})", self.until)
    }
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Stay,
    /// To be carried out; keys mean nothing until [`Menu::heard`].
    Order(Order),
    /// Left by its uppermost page.
    Close,
}

/// What has to be typed out before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Leave(LeavingWay),
    GoBack,
    Reset,
}

impl Ask {
    const fn order(self) -> Order {
        match self {
            Self::Leave(way) => Order::Leave(way),
            Self::GoBack => Order::GoBack,
            Self::Reset => Order::Reset,
        }
    }

    /// What is to be typed.
    fn word(self, facts: &Facts) -> String {
        let name = facts.node.as_ref().map(|node| node.name.as_str()).filter(|name| !name.is_empty());
        match self {
            Self::Leave(_) | Self::GoBack => "yes".into(),
            Self::Reset => name.unwrap_or("destroy").into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Page {
    Main,
    Network,
    Fields(Box<Form>),
    Lost,
    Word(Word),
    Version,
    Power,
    Sure { ask: Ask, typed: String },
}

/// A line that can be chosen.
struct Item {
    label: &'static str,
    act: Act,
}

enum Act {
    Open(Page),
    Order(Order),
}

/// What somebody in front of the server sees of the menu. Nothing of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu {
    /// The innermost last; without any the status is shown.
    pages: Vec<Page>,
    /// The chosen item of the innermost.
    at: usize,
    /// What came of the last order.
    note: Option<String>,
    /// An order is under way.
    busy: bool,
}

impl Menu {
    pub fn press(&mut self, key: Key, facts: &Facts) -> Step {
        if self.busy || key == Key::Redraw {
            return Step::Stay;
        }
        self.note = None;
        if leaving(facts).is_some() {
            return self.choose(key, facts);
        }
        match self.pages.last_mut() {
            None => match key {
                Key::Escape | Key::Char('0' | 'q') => Step::Close,
                Key::Enter | Key::Char('1') | Key::Right => self.open(Page::Main),
                _ => Step::Stay,
            },
            Some(Page::Fields(form)) => {
                let ports = facts.node.as_ref().map(|node| node.uplink().ports).unwrap_or_default();
                match form.press(key, &ports) {
                    Pressed::Stays => Step::Stay,
                    Pressed::Back => self.back(),
                    Pressed::Try(spec) => {
                        self.back();
                        self.order(Order::TryNetwork(spec))
                    }
                }
            }
            Some(Page::Sure { ask, typed }) => match key {
                Key::Escape => self.back(),
                Key::Enter if typed.trim().eq_ignore_ascii_case(&ask.word(facts)) => {
                    let order = ask.order();
                    self.back();
                    self.order(order)
                }
                Key::Enter => {
                    self.note =
                        Some(format!("Nothing is done: type {} and press Enter, or Esc to go back.", ask.word(facts)));
                    Step::Stay
                }
                key => {
                    edit(typed, key);
                    Step::Stay
                }
            },
            // Whoever leaves the word has no more use for it.
            Some(Page::Word(_)) => match key {
                Key::Escape | Key::Char('0') => {
                    self.back();
                    self.order(Order::ForgetWord)
                }
                _ => Step::Stay,
            },
            Some(Page::Main | Page::Network | Page::Lost | Page::Version | Page::Power) => self.choose(key, facts),
        }
    }

    /// How the order ended: what is said of it, or why it was not carried out.
    pub fn heard(&mut self, ended: Result<Done, String>) {
        self.busy = false;
        match ended {
            Ok(Done::Said(said)) => self.note = Some(said),
            Ok(Done::Word(word)) => drop(self.open(Page::Word(word))),
            Err(why) => self.note = Some(format!("Not done: {why}")),
        }
    }

    /// Somebody went away: the status is shown again. An order that is under way goes on.
    pub fn leave(&mut self) {
        *self = Self { busy: self.busy, ..Self::default() };
    }

    /// Whether nothing but the status is shown.
    pub fn is_at_rest(&self) -> bool {
        self.pages.is_empty() && !self.busy
    }

    /// What can be chosen where the menu is.
    fn items(&self, facts: &Facts) -> Vec<Item> {
        let item = |label, act| Item { label, act };
        if let Some((stage, operation)) = leaving(facts) {
            let stay = item("Call it off: VMs that are off start again", Act::Order(Order::Stay(operation)));
            return if stage == LeavingStage::Guests { vec![stay] } else { Vec::new() };
        }
        match self.pages.last() {
            Some(Page::Main) => vec![
                item("Network repair", Act::Open(Page::Network)),
                item("Lost administrator", Act::Open(Page::Lost)),
                item("Previous version", Act::Open(Page::Version)),
                item("Shut down or restart", Act::Open(Page::Power)),
                item("Factory reset", sure(Ask::Reset)),
            ],
            Some(Page::Network) => network_items(facts),
            Some(Page::Lost) if facts.is_set_up() => vec![item("Show a word", Act::Order(Order::MakeWord))],
            Some(Page::Version) if facts.node.as_ref().is_some_and(|node| node.previous_version().is_some()) => {
                vec![item("Go back to it", sure(Ask::GoBack))]
            }
            Some(Page::Power) => vec![
                item("Shut down", sure(Ask::Leave(LeavingWay::PowerOff))),
                item("Restart", sure(Ask::Leave(LeavingWay::Reboot))),
            ],
            _ => Vec::new(),
        }
    }

    /// A key on a page of items.
    fn choose(&mut self, key: Key, facts: &Facts) -> Step {
        let mut items = self.items(facts);
        let last = items.len().saturating_sub(1);
        // What can be chosen changes with what is known.
        self.at = self.at.min(last);
        let chosen = match key {
            Key::Up => {
                self.at = self.at.saturating_sub(1);
                return Step::Stay;
            }
            Key::Down => {
                self.at = (self.at + 1).min(last);
                return Step::Stay;
            }
            Key::Escape | Key::Left | Key::Backspace | Key::Char('0') => return self.back(),
            Key::Enter | Key::Right => self.at,
            Key::Char(digit) => match digit.to_digit(10) {
                Some(digit) => digit as usize - 1,
                None => return Step::Stay,
            },
            Key::Clear | Key::Redraw => return Step::Stay,
        };
        if chosen >= items.len() {
            return Step::Stay;
        }
        match items.swap_remove(chosen).act {
            Act::Open(page) => self.open(page),
            Act::Order(order) => self.order(order),
        }
    }

    fn open(&mut self, page: Page) -> Step {
        self.at = 0;
        self.pages.push(page);
        Step::Stay
    }

    fn back(&mut self) -> Step {
        self.at = 0;
        self.pages.pop();
        Step::Stay
    }

    fn order(&mut self, order: Order) -> Step {
        self.busy = true;
        Step::Order(order)
    }
}

fn sure(ask: Ask) -> Act {
    Act::Open(Page::Sure { ask, typed: String::new() })
}

/// A leaving that is under way, whoever ordered it.
fn leaving(facts: &Facts) -> Option<(LeavingStage, OperationId)> {
    let leaving = facts.node.as_ref()?.host.leaving.as_ref()?;
    Some((leaving.stage, leaving.operation))
}

/// A network that is tried is kept here by whoever ordered it, here or in a browser: who stands in front of the server may.
fn network_items(facts: &Facts) -> Vec<Item> {
    let item = |label, act| Item { label, act };
    let Some(node) = &facts.node else { return Vec::new() };
    let uplink = node.uplink();
    let Some(trial) = uplink.trial else {
        return vec![
            item("Change it", Act::Open(Page::Fields(Box::new(Form::of(&uplink.spec))))),
            item("As at the beginning: DHCP, over every port", Act::Order(Order::TryNetwork(Box::default()))),
        ];
    };
    let settle = |keep| Act::Order(Order::SettleNetwork { operation: trial.operation, keep });
    let back = item("Return to the network before", settle(false));
    // A key that was still meant for the page before must not keep what nobody has seen yet.
    if trial.applied { vec![item("Keep this network", settle(true)), back] } else { vec![back] }
}

/// A line that is typed.
fn edit(typed: &mut String, key: Key) {
    const LONGEST: usize = 63;
    match key {
        Key::Char(c) if typed.len() < LONGEST => typed.push(c),
        Key::Backspace => drop(typed.pop()),
        Key::Clear => typed.clear(),
        _ => {}
    }
}

#[cfg(test)]
#[path = "menu/tests.rs"]
mod tests;
